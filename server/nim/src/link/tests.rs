//! Frames as the SDKs' own encoders write them, answers as their own decoders were seen to read
//! them, and messages that are no frames at all.

mod answers;
mod requests;

use proptest::prelude::*;

use super::*;

const BOTH: [Framing; 2] = [Framing::Text, Framing::Binary];

/// One call as nim-web-sdk-ng 10.8.1 writes it: the text, and the bytes in hex.
struct Seen {
    command: Command,
    serial: u32,
    text: &'static str,
    hex: &'static str,
}

impl Seen {
    fn bytes(&self) -> Vec<u8> {
        hex::decode(self.hex).unwrap()
    }
}

const LOGIN: Seen = Seen {
    command: Command::Login,
    serial: 2,
    text: r#"3:::{"SER":2,"SID":2,"CID":3,"Q":[{"t":"Property","v":{"3":16,"4":"Linux","6":100801,"8":1,"9":1,"13":"dev","18":"app","19":"amy","26":"s","38":"t","115":0,"1000":"tok"}}]}"#,
    hex: "0002030200000c0302313604054c696e757806063130303830310801310901310d0364657612036170701303616d791a0173260174730130e80703746f6b",
};
const LOGIN_V2: Seen = Seen {
    command: Command::LoginV2,
    serial: 2,
    text: r#"3:::{"SER":2,"SID":26,"CID":3,"Q":[{"t":"Property","v":{"3":16,"4":"Linux","6":100801,"8":1,"9":1,"13":"dev","18":"app","19":"amy","26":"s","38":"t","115":0,"1000":"tok"}}]}"#,
    hex: "001a030200000c0302313604054c696e757806063130303830310801310901310d0364657612036170701303616d791a0173260174730130e80703746f6b",
};
const HEARTBEAT: Seen = Seen {
    command: Command::Heartbeat,
    serial: 0,
    text: r#"3:::{"SER":0,"SID":1,"CID":2,"Q":[]}"#,
    hex: "000102000000",
};
const SERVER_TIME: Seen = Seen {
    command: Command::ServerTime,
    serial: 3,
    text: r#"3:::{"SER":3,"SID":6,"CID":23,"Q":[]}"#,
    hex: "000617030000",
};
const LIST: Seen = Seen {
    command: Command::ListSessions,
    serial: 4,
    text: r#"3:::{"SER":4,"SID":7,"CID":19,"Q":[{"t":"Property","v":{"3":true,"4":100}}]}"#,
    hex: "000713040000020304747275650403313030",
};
const LIST_BOUNDED: Seen = Seen {
    command: Command::ListSessions,
    serial: 5,
    text: r#"3:::{"SER":5,"SID":7,"CID":19,"Q":[{"t":"Property","v":{"1":1,"2":1700000000000,"3":0,"4":2}}]}"#,
    hex: "00071305000004010131020d31373030303030303030303030030130040132",
};
const GET: Seen = Seen {
    command: Command::GetSession,
    serial: 6,
    text: r#"3:::{"SER":6,"SID":7,"CID":20,"Q":[{"t":"Property","v":{"1":"p2p|bob"}}]}"#,
    hex: "0007140600000101077032707c626f62",
};
const UPDATE: Seen = Seen {
    command: Command::UpdateSession,
    serial: 7,
    text: r#"3:::{"SER":7,"SID":7,"CID":21,"Q":[{"t":"Property","v":{"1":"super_team|42","3":"{\"pin\":\"置顶\"}"}}]}"#,
    hex: "00071507000002010d73757065725f7465616d7c343203107b2270696e223a22e7bdaee9a1b6227d",
};
const DELETE: Seen = Seen {
    command: Command::DeleteSessions,
    serial: 300,
    text: r#"3:::{"SER":300,"SID":7,"CID":22,"Q":[{"t":"ArrayMable","v":[{"t":"Property","v":{"1":"p2p|bob"}},{"t":"Property","v":{"1":"team|7"}}]}]}"#,
    hex: "0007162c0100020101077032707c626f620101067465616d7c37",
};
const LOGOUT_V2: Seen = Seen {
    command: Command::Logout,
    serial: 9,
    text: r#"3:::{"SER":9,"SID":26,"CID":5,"Q":[]}"#,
    hex: "001a05090000",
};
const SYNC_V2: Seen = Seen {
    command: Command::Sync,
    serial: 10,
    text: r#"3:::{"SER":10,"SID":27,"CID":1,"Q":[{"t":"Property","v":{"1":0,"2":0}}]}"#,
    hex: "001b010a000002010130020130",
};
const SEEN: [Seen; 11] = [
    LOGIN,
    LOGIN_V2,
    HEARTBEAT,
    SERVER_TIME,
    LIST,
    LIST_BOUNDED,
    GET,
    UPDATE,
    DELETE,
    LOGOUT_V2,
    SYNC_V2,
];

/// Calls as @yxim/nim-web-sdk 9.21.12 writes them. It leaves an empty `Q` out.
const SEEN_OF_9_X: [(Command, &str); 9] = [
    (
        Command::Login,
        r#"3:::{"SID":2,"CID":3,"SER":1,"Q":[{"t":"Property","v":{"3":16,"4":"Linux","6":"92112","8":1,"13":"dev","18":"app","19":"amy","38":"","112":0,"1000":"tok"}}]}"#,
    ),
    (Command::ListSessions, r#"3:::{"SID":7,"CID":19,"SER":2,"Q":[{"t":"Property","v":{}}]}"#),
    (
        Command::ListSessions,
        r#"3:::{"SID":7,"CID":19,"SER":3,"Q":[{"t":"Property","v":{"1":0,"2":1700000000000,"3":0,"4":2}}]}"#,
    ),
    (
        Command::GetSession,
        r#"3:::{"SID":7,"CID":20,"SER":4,"Q":[{"t":"Property","v":{"1":"p2p|bob"}}]}"#,
    ),
    (
        Command::UpdateSession,
        r#"3:::{"SID":7,"CID":21,"SER":5,"Q":[{"t":"Property","v":{"1":"p2p|bob","3":"x"}}]}"#,
    ),
    (
        Command::DeleteSessions,
        r#"3:::{"SID":7,"CID":22,"SER":6,"Q":[{"t":"ArrayMable","v":[{"t":"Property","v":{"1":"p2p|bob"}},{"t":"Property","v":{"1":"super_team|7"}}]}]}"#,
    ),
    (Command::Heartbeat, r#"3:::{"SID":1,"CID":2,"SER":0}"#),
    (Command::Logout, r#"3:::{"SID":2,"CID":6,"SER":7}"#),
    (Command::Sync, r#"3:::{"SID":5,"CID":1,"SER":9,"Q":[{"t":"Property","v":{"1":0}}]}"#),
];

fn frame_of(incoming: Incoming<'_>) -> Frame<'_> {
    match incoming {
        Incoming::Frame(frame) => frame,
        other => panic!("not a frame: {other:?}"),
    }
}

fn text_frame(message: &str) -> Frame<'_> {
    frame_of(Framing::Text.read_text(message).unwrap_or_else(|e| panic!("{e}: {message}")))
}

fn binary_frame(message: &[u8]) -> Frame<'_> {
    frame_of(Framing::Binary.read_binary(message).unwrap_or_else(|e| panic!("{e}: {message:?}")))
}

/// A message of a client with this parameter, in both framings, as an SDK writes it.
fn up(sid: u8, cid: u8, value: &Value) -> (String, Vec<u8>) {
    let text_value = match value {
        Value::Properties(items) => {
            let item = |p: &Property| serde_json::json!({"t": "Property", "v": p});
            serde_json::Value::from(items.iter().map(item).collect::<Vec<_>>())
        }
        other => serde_json::to_value(other).unwrap(),
    };
    let json = serde_json::json!({"SID": sid, "CID": cid, "SER": 9, "Q": [{"v": text_value}]});
    let header = Header { sid, cid, serial: 9 };
    (format!("3:::{json}"), binary::write(header, &Answer::ok(vec![value.clone()])))
}

#[test]
fn what_the_sdks_write_is_read_the_same_from_text_and_from_bytes() {
    for seen in SEEN {
        let bytes = seen.bytes();
        let (text, binary) = (text_frame(seen.text), binary_frame(&bytes));
        assert_eq!(text.header, binary.header, "{}", seen.text);
        assert_eq!(text.header.serial, seen.serial);
        assert_eq!(Command::of(text.header), seen.command);
        if seen.command == Command::DeleteSessions {
            assert_eq!(text.properties().unwrap(), binary.properties().unwrap());
        } else {
            assert_eq!(text.property().unwrap(), binary.property().unwrap(), "{}", seen.text);
        }
    }
}

#[test]
fn what_9_x_writes_is_read_as_its_command_with_good_parameters() {
    let nim = huihua_core::AccountForm::Nim;
    for (command, text) in SEEN_OF_9_X {
        let frame = text_frame(text);
        assert_eq!(Command::of(frame.header), command, "{text}");
        let is_read = match command {
            Command::Login => Login::read(LoginForm::V1, &frame).is_ok_and(|l| l.sdk == Sdk::Web),
            Command::ListSessions => sessions::list(&frame).is_ok(),
            Command::GetSession => sessions::get(&frame, nim).is_ok(),
            Command::UpdateSession => sessions::update(&frame, nim).is_ok(),
            Command::DeleteSessions => sessions::delete(&frame, nim).is_ok_and(|d| d.len() == 2),
            Command::Heartbeat | Command::Logout | Command::Sync => frame.property().is_ok(),
            Command::LoginV2 | Command::ServerTime | Command::Unknown => false,
        };
        assert!(is_read, "{text}");
    }
}

#[test]
fn each_command_has_numbers_of_its_own_and_any_other_is_unknown() {
    let mut known = 0;
    for (sid, cid) in (0..=u8::MAX).flat_map(|sid| (0..=u8::MAX).map(move |cid| (sid, cid))) {
        let command = Command::of(Header { sid, cid, serial: 1 });
        known += usize::from(command != Command::Unknown);
    }
    assert_eq!(known, Command::NUMBERS.len());
    assert_eq!(Command::of(Header { sid: 7, cid: 1, serial: 1 }), Command::Unknown, "a message");
}

#[test]
fn packets_of_socket_io_that_are_no_messages_are_told_apart() {
    let name = |message: &str| match Framing::Text.read_text(message) {
        Ok(Incoming::Frame(_)) => "frame",
        Ok(Incoming::Heartbeat) => "heartbeat",
        Ok(Incoming::Disconnect) => "disconnect",
        Ok(Incoming::Nothing) => "nothing",
        Err(FrameFault::NoPacket) => "no packet",
        Err(FrameFault::NoJson) => "no json",
        Err(FrameFault::TooLong) => "too long",
        Err(FrameFault::NoHeader | FrameFault::WrongFraming) => "of bytes",
    };
    for (message, expected) in [
        ("2::", "heartbeat"),
        ("2:::", "heartbeat"),
        ("0::", "disconnect"),
        ("1::", "nothing"),
        ("8::", "nothing"),
        ("5:::{\"name\":\"x\"}", "nothing"),
        ("3:1+::{\"SID\":1,\"CID\":2}", "frame"),
        ("4:::{\"SID\":1,\"CID\":2,\"SER\":0,\"more\":[]}", "frame"),
        ("3:::{\"SID\":1,\"CID\":2,\"SER\":70000}", "frame"),
        ("3:::", "no json"),
        ("3::", "no json"),
        ("3:::[]", "no json"),
        ("3:::{\"SID\":256,\"CID\":2,\"SER\":1}", "no json"),
        ("3:::{\"SID\":1,\"SER\":1}", "no json"),
        ("", "no packet"),
        ("3", "no packet"),
        ("9::", "no packet"),
        ("03:::{}", "no packet"),
        ("hello: world: you", "no packet"),
    ] {
        assert_eq!(name(message), expected, "{message:?}");
    }
    assert_eq!(Framing::Text.heartbeat(), Some(Message::Text("2::".to_owned())));
    assert_eq!(Framing::Binary.heartbeat(), None);
    assert_eq!(handshake("7f"), "7f:60:60:websocket");
}

#[test]
fn a_path_takes_messages_of_its_own_framing_and_of_at_most_64_kib() {
    let wrong = FrameFault::WrongFraming;
    assert_eq!(Framing::Binary.read_text(GET.text).unwrap_err(), wrong);
    assert_eq!(Framing::Text.read_binary(&GET.bytes()).unwrap_err(), wrong);
    let pad = |bytes: usize| {
        let rest = r#"3:::{"SID":7,"CID":1,"SER":1,"Q":[""]}"#.len();
        format!(r#"3:::{{"SID":7,"CID":1,"SER":1,"Q":["{}"]}}"#, "a".repeat(bytes - rest))
    };
    assert!(Framing::Text.read_text(&pad(FRAME_BYTES_MAX)).is_ok());
    let long = pad(FRAME_BYTES_MAX + 1);
    assert_eq!(Framing::Text.read_text(&long).unwrap_err(), FrameFault::TooLong);
    let mut bytes = GET.bytes();
    bytes.resize(FRAME_BYTES_MAX, 0);
    assert!(Framing::Binary.read_binary(&bytes).is_ok());
    bytes.push(0);
    assert_eq!(Framing::Binary.read_binary(&bytes).unwrap_err(), FrameFault::TooLong);
}

#[test]
fn a_frame_that_is_torn_at_any_byte_is_never_read_as_another() {
    for seen in SEEN {
        for at in (0..seen.text.len()).filter(|at| seen.text.is_char_boundary(*at)) {
            assert!(Framing::Text.read_text(&seen.text[..at]).is_err(), "{}", &seen.text[..at]);
        }
        let bytes = seen.bytes();
        const HEADER_BYTES: usize = 6;
        for at in 0..bytes.len() {
            let Ok(Incoming::Frame(frame)) = Framing::Binary.read_binary(&bytes[..at]) else {
                assert!(at < HEADER_BYTES, "{at} of {}", seen.hex);
                continue;
            };
            // Only the parameter may be missing as a whole.
            assert!(at >= HEADER_BYTES);
            let has_all_or_nothing = match frame.property() {
                Ok(property) => property == Property::default() && at == HEADER_BYTES,
                Err(_) => at > HEADER_BYTES,
            };
            assert!(seen.command == Command::DeleteSessions || has_all_or_nothing, "{at}");
            let items = frame.properties();
            assert!(
                seen.command != Command::DeleteSessions || at == HEADER_BYTES || items.is_err()
            );
        }
    }
}

#[test]
fn a_header_with_a_code_ends_after_the_code() {
    let bytes = [&[0, 7, 20, 6, 0, 2, 200, 0][..], &GET.bytes()[6..]].concat();
    let frame = binary_frame(&bytes);
    assert_eq!(frame.header, text_frame(GET.text).header);
    assert_eq!(frame.property().unwrap().get(1), Some("p2p|bob"));
}

#[test]
fn more_tags_or_properties_than_allowed_are_refused() {
    let tags = |count: usize| {
        let all =
            (0..count).fold(Property::default(), |p, n| p.with(u32::try_from(n).unwrap(), ""));
        up(7, 19, &Value::Property(all))
    };
    let items = |count: usize| up(7, 22, &Value::Properties(vec![Property::default(); count]));
    let read = |(text, bytes): &(String, Vec<u8>)| {
        let (text, binary) = (text_frame(text), binary_frame(bytes));
        let is_both = (text.property().is_ok(), binary.property().is_ok());
        let are_both = (text.properties().is_ok(), binary.properties().is_ok());
        (is_both, are_both)
    };
    assert_eq!(read(&tags(TAGS_MAX)).0, (true, true));
    assert_eq!(read(&tags(TAGS_MAX + 1)).0, (false, false));
    assert_eq!(read(&items(ITEMS_MAX)).1, (true, true));
    assert_eq!(read(&items(ITEMS_MAX + 1)).1, (false, false));
}

#[test]
fn a_number_that_only_seems_to_announce_much_costs_nothing() {
    for parameter in ["ffffffff0f", "ffffffffff01", "ffffffffffff01", "01ffffffff0f", "0101ff"] {
        let bytes = [vec![0, 7, 20, 1, 0, 0], hex::decode(parameter).unwrap()].concat();
        let frame = binary_frame(&bytes);
        assert!(frame.property().is_err() && frame.properties().is_err(), "{parameter}");
    }
    let bytes = [0, 7, 20, 1, 0, 0, 1, 1, 1, 0xff];
    assert!(binary_frame(&bytes).property().is_err(), "not UTF-8");
}

#[test]
fn a_value_of_a_text_frame_may_have_any_type() {
    let text = r#"3:::{"SID":7,"CID":20,"SER":1,"Q":[{"t":"Property","v":{"1":9007199254740993123,"2":true,"3":null,"4":{"a": [1]},"5":"\u4f60\"","x":"y","-1":"n"}},{"t":"Int","v":7}]}"#;
    let expected = Property::default()
        .with(1, "9007199254740993123")
        .with(2, "true")
        .with(4, r#"{"a": [1]}"#)
        .with(5, "你\"");
    assert_eq!(text_frame(text).property().unwrap(), expected);
    for parameters in ["", r#","Q":null"#, r#","Q":[]"#] {
        let text = format!(r#"3:::{{"SID":7,"CID":20,"SER":1{parameters}}}"#);
        assert_eq!(text_frame(&text).property().unwrap(), Property::default());
        assert_eq!(text_frame(&text).properties().unwrap(), []);
    }
    for parameters in ["{}", "7", "[7]", "[{}]", r#"[{"v":7}]"#, r#"[{"v":{}},7"#] {
        let text = format!(r#"3:::{{"SID":7,"CID":20,"SER":1,"Q":{parameters}}}"#);
        let read = Framing::Text.read_text(&text).map(frame_of).ok();
        assert!(read.is_none_or(|frame| frame.property().is_err()), "{parameters}");
    }
}

#[test]
fn debug_shows_nothing_that_a_client_wrote() {
    let bytes = LOGIN.bytes();
    for frame in [text_frame(LOGIN.text), binary_frame(&bytes)] {
        let login = Login::read(LoginForm::V1, &frame).unwrap();
        let tags = frame.property().unwrap();
        let shown = format!("{frame:?} {:?} {login:?} {tags:?}", Incoming::Frame(frame.clone()));
        assert!(!shown.contains("tok") && !shown.contains("Linux"), "{shown}");
    }
    let message = Framing::Text.answer(
        Header { sid: 7, cid: 20, serial: 1 },
        &Answer::ok(vec![Value::Property(Property::default().with(3, "s3cret"))]),
    );
    assert!(!format!("{message:?}").contains("s3cret"));
}

prop_compose! {
    fn properties()(tags in prop::collection::btree_map(any::<u32>(), ".*", 0..20)) -> Property {
        tags.into_iter().fold(Property::default(), |p, (tag, text)| p.with(tag, text))
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(
        sid: u8, cid: u8, serial: u16, property in properties(),
        items in prop::collection::vec(properties(), 0..5), code in 201_u16..,
    ) {
        let (text, bytes) = up(sid, cid, &Value::Property(property.clone()));
        prop_assert_eq!(&text_frame(&text).property().unwrap(), &property);
        prop_assert_eq!(&binary_frame(&bytes).property().unwrap(), &property);
        let (text, bytes) = up(sid, cid, &Value::Properties(items.clone()));
        prop_assert_eq!(&text_frame(&text).properties().unwrap(), &items);
        prop_assert_eq!(&binary_frame(&bytes).properties().unwrap(), &items);
        let header = Header { sid, cid, serial: serial.into() };
        let answers = [
            Answer::ok(vec![Value::Property(property)]),
            Answer { code, values: vec![Value::Long(1)] },
        ];
        for answer in answers {
            let Message::Binary(bytes) = Framing::Binary.answer(header, &answer) else { panic!() };
            prop_assert_eq!(binary_frame(&bytes).header, header);
            let Message::Text(text) = Framing::Text.answer(header, &answer) else { panic!() };
            let down: serde_json::Value = serde_json::from_str(&text["3:::".len()..]).unwrap();
            let numbers = ["sid", "cid", "ser", "code"].map(|key| down[key].as_u64().unwrap());
            let expected: [u64; 4] =
                [sid.into(), cid.into(), serial.into(), answer.code.into()];
            prop_assert_eq!(numbers, expected);
            prop_assert_eq!(down["r"].as_array().unwrap().len(), 1);
        }
    }

    #[test]
    fn garbage_is_refused_without_a_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..200), text in ".*",
        json in r#"[\[\]{}":,0-9a-zQv\\]{0,60}"#,
    ) {
        for message in [text, json.clone(), format!("3:::{json}"),
            format!(r#"3:::{{"SID":7,"CID":19,"SER":1,"Q":{json}}}"#)] {
            for framing in BOTH {
                read_all(framing.read_text(&message));
            }
        }
        for framing in BOTH {
            read_all(framing.read_binary(&bytes));
        }
    }

    #[test]
    fn a_bent_byte_never_panics(which in 0..SEEN.len(), at: prop::sample::Index, bit in 0_u32..8) {
        let mut bytes = SEEN[which].bytes();
        let at = at.index(bytes.len());
        bytes[at] ^= 1_u8 << bit;
        read_all(Framing::Binary.read_binary(&bytes));
    }
}

/// Reads as every command.
fn read_all(incoming: Result<Incoming<'_>, FrameFault>) {
    let Ok(Incoming::Frame(frame)) = incoming else { return };
    for form in [LoginForm::V1, LoginForm::V2] {
        let _ = Login::read(form, &frame);
    }
    for accounts in huihua_core::AccountForm::ALL {
        let _ = sessions::get(&frame, accounts);
        let _ = sessions::update(&frame, accounts);
        let _ = sessions::delete(&frame, accounts);
    }
    let _ = sessions::list(&frame);
}
