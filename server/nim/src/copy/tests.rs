//! Every shape a copy may have, in tables; and bytes that are no copy at all.

use proptest::prelude::*;

use super::*;

const PERSON: &str = r#""eventType":"1","convType":"PERSON","to":"bob","fromAccount":"amy","msgTimestamp":"1700000000000","msgType":"TEXT","msgidServer":"9007199254740993123""#;

fn team(kind: &str, message_type: &str, more: &str) -> String {
    format!(
        r#"{{"eventType":1,"convType":"{kind}","to":"42","fromAccount":"amy","msgTimestamp":9,"msgType":"{message_type}","msgidServer":7{more}}}"#
    )
}

/// Decodes as for an app with ids as NIM writes them.
fn decode(json: &[u8]) -> Result<Vec<Event>, Malformed> {
    super::decode(json, AccountForm::Nim)
}

fn decoded(json: &str) -> Vec<Event> {
    decode(json.as_bytes()).unwrap_or_else(|e| panic!("{e}: {json}"))
}

fn last_msg(event: &Event) -> &str {
    match event {
        Event::Message { post, .. } | Event::Recall { post, .. } => &post.last_msg,
        Event::Leave { notice, .. } | Event::Dissolve { notice, .. } => &notice.last_msg,
        Event::Edit { edit, .. } => &edit.fields,
        Event::Join { .. } => panic!("a join has no lastMsg"),
    }
}

fn verify(secret: &str, body: &[u8], cur_time: &str, claimed: &str) -> bool {
    CopySignature::new(body, cur_time, claimed).is_some_and(|signature| signature.is_of(secret))
}

fn names(accounts: &[Account]) -> String {
    accounts.iter().map(Account::as_str).collect::<Vec<_>>().join("+")
}

#[test]
fn the_sum_is_nims_and_any_change_breaks_it() {
    // Reckoned with coreutils: md5sum of the body, then sha1sum of the three texts.
    let (secret, body, time) = ("0123456789ab", br#"{"eventType":"1"}"#, "1700000000000");
    let sum = "adbd7349a743edfab4959cb842905b5dadbee298";
    assert_eq!(check_sum(secret, body, time), sum);
    assert!(verify(secret, body, time, sum));
    assert!(verify(secret, body, time, &sum.to_uppercase()));
    assert!(!verify("0123456789aB", body, time, sum));
    assert!(!verify(secret, br#"{"eventType":"2"}"#, time, sum));
    assert!(!verify(secret, body, "1700000000001", sum));
    for wrong in ["", "2c", &sum[1..], "é", &format!("{sum} ")] {
        assert!(!verify(secret, body, time, wrong), "{wrong:?}");
    }
    for no_time in ["", "1700000000000 ", "-1", "1e3", "１"] {
        let sum = check_sum(secret, body, no_time);
        assert!(!verify(secret, body, no_time, &sum), "{no_time:?} is no CurTime");
    }
}

#[test]
fn the_address_check_is_the_empty_object_only() {
    for (body, is_check) in
        [("{}", true), (" { } ", true), ("", false), ("[]", false), ("null", false)]
    {
        assert_eq!(is_address_check(body.as_bytes()), is_check, "{body:?}");
    }
    assert_eq!(decode(b"{}"), Ok(vec![]));
}

#[test]
fn a_message_becomes_its_place_its_key_and_its_last_msg() {
    let full = format!(
        r#"{{{PERSON},"msgidClient":"c-1","fromClientType":"WEB","fromDeviceId":"d","fromNick":"Amy","body":"你好🎉","attach":"{{\"a\":1}}","ext":"{{}}","resendFlag":"1","ip":"1.2.3.4","unknown":[{{"x":[]}}]}}"#
    );
    let events = decoded(&full);
    let [Event::Message { place, post, updates_session, audience }] = &events[..] else {
        panic!("{events:?}")
    };
    let account = |name: &str| name.parse::<Account>().unwrap();
    assert_eq!(*place, Place::P2p { from: account("amy"), to: account("bob") });
    assert_eq!((post.time, post.message_id.as_str()), (1_700_000_000_000, "9007199254740993123"));
    assert!(*updates_session && audience.is_empty());
    assert_eq!(
        post.last_msg,
        concat!(
            r#"{"0":0,"1":"bob","2":"amy","4":16,"5":"d","6":"Amy","7":1700000000000,"8":0,"#,
            r#""9":"你好🎉","10":"{\"a\":1}","11":"c-1","12":"9007199254740993123","13":1,"15":"{}"}"#
        )
    );
}

#[test]
fn strings_numbers_and_objects_say_the_same() {
    let strings = r#"{"eventType":"1","convType":"PERSON","to":"12","fromAccount":"13","msgTimestamp":"9","msgType":"CUSTOM","msgidServer":"18446744073709551999","attach":"{\"a\": 1}","resendFlag":"0","body":"5"}"#;
    let numbers = r#"{"eventType":1,"convType":"PERSON","to":12,"fromAccount":13,"msgTimestamp":9,"msgType":100,"msgidServer":18446744073709551999,"attach":{"a": 1},"resendFlag":0,"body":5}"#;
    assert_eq!(decoded(strings), decoded(numbers));
    assert!(last_msg(&decoded(numbers)[0]).contains(r#""12":"18446744073709551999""#));
    let array = format!(r#"{{{PERSON},"attach":[1, "b"],"body":null,"ext":true}}"#);
    let text = decoded(&array);
    assert!(last_msg(&text[0]).contains(r#""10":"[1, \"b\"]","#), "the source text as received");
    assert!(last_msg(&text[0]).contains(r#""15":"true""#));
    assert!(!last_msg(&text[0]).contains(r#""9":"#));
}

#[test]
fn every_type_of_message_has_its_number() {
    let types = [
        ("TEXT", 0),
        ("PICTURE", 1),
        ("AUDIO", 2),
        ("VIDEO", 3),
        ("LOCATION", 4),
        ("NOTIFICATION", 5),
        ("FILE", 6),
        ("AVCHAT", 7),
        ("TIPS", 10),
        ("ROBOT", 11),
        ("NRTC_NETCALL", 12),
        ("CUSTOM", 100),
    ];
    for (name, number) in types {
        for (kind, scene) in [("TEAM", 1), ("SUPER_TEAM", 5)] {
            let events = decoded(&team(kind, name, ""));
            let start =
                format!(r#"{{"0":{scene},"1":"42","2":"amy","7":9,"8":{number},"12":"7"}}"#);
            assert_eq!(last_msg(&events[0]), start);
        }
    }
    for (name, number) in [
        ("AOS", "1"),
        ("IOS", "2"),
        ("PC", "4"),
        ("WEB", "16"),
        ("REST", "32"),
        ("MAC", "64"),
        ("HARMONY", "65"),
        ("65", "65"),
    ] {
        let json = format!(r#"{{{PERSON},"fromClientType":"{name}"}}"#);
        assert!(last_msg(&decoded(&json)[0]).contains(&format!(r#""4":{number},"#)), "{name}");
    }
    for name in ["WINPHONE", "3", ""] {
        let json = format!(r#"{{{PERSON},"fromClientType":"{name}"}}"#);
        assert!(!last_msg(&decoded(&json)[0]).contains(r#""4":"#), "{name} has no number");
    }
}

#[test]
fn what_concerns_no_list_is_accepted_and_moves_nothing() {
    for json in [
        "{}".to_owned(),
        r#"{"x":1}"#.to_owned(),
        r#"{"eventType":"","convType":[]}"#.to_owned(),
        r#"{"eventType":null}"#.to_owned(),
        r#"{"eventType":"2"}"#.to_owned(),
        r#"{"eventType":3,"members":[1,2]}"#.to_owned(),
        r#"{"eventType":"18446744073709551615"}"#.to_owned(),
        r#"{"eventType":"1","convType":"CUSTOM_PERSON"}"#.to_owned(),
        r#"{"eventType":"1","convType":"CUSTOM_TEAM"}"#.to_owned(),
        r#"{"eventType":"1","convType":"FRIEND_ADD"}"#.to_owned(),
        r#"{"eventType":"1","convType":"A_LATER_KIND"}"#.to_owned(),
        format!(r#"{{{}}}"#, PERSON.replace("TEXT", "FRIEND_ADD")),
        format!(r#"{{{}}}"#, PERSON.replace("TEXT", "8")),
    ] {
        assert_eq!(decode(json.as_bytes()), Ok(vec![]), "{json}");
    }
}

#[test]
fn what_nim_stores_nowhere_as_typing_signs_moves_nothing() {
    let id = r#","msgidServer":"9007199254740993123""#;
    for zero in ["", r#","msgidServer":0"#, r#","msgidServer":"0""#, r#","msgidServer":"""#] {
        let json = format!("{{{}}}", PERSON.replace(id, zero));
        assert_eq!(decode(json.as_bytes()), Ok(vec![]), "{json}");
        let team = team("TEAM", "CUSTOM", r#","tMembers":"[amy, b]""#);
        let json = team.replace(r#","msgidServer":7"#, zero);
        assert_eq!(decode(json.as_bytes()), Ok(vec![]), "{json}");
    }
    let other = PERSON.replace("9007199254740993123", "00");
    assert_eq!(decoded(&format!("{{{other}}}")).len(), 1, "{other}");
}

#[test]
fn what_nim_does_not_deliver_moves_the_senders_own_session_and_no_team() {
    let [from, to] = ["amy", "bob"].map(|name| name.parse::<Account>().unwrap());
    let values = [
        ("true", true),
        ("1", true),
        (r#""true""#, true),
        (r#""1""#, true),
        ("false", false),
        ("0", false),
        (r#""false""#, false),
        (r#""0""#, false),
        (r#""""#, false),
        ("null", false),
        ("{}", false),
    ];
    for (value, is_held) in values {
        for flag in ["blacklist", "antispam"] {
            let json = format!(r#"{{{PERSON},"{flag}":{value}}}"#);
            let events = decoded(&json);
            let [Event::Message { place, updates_session: true, .. }] = &events[..] else {
                panic!("{json}: {events:?}")
            };
            let (from, to) = (from.clone(), to.clone());
            let expected =
                if is_held { Place::Undelivered { from, to } } else { Place::P2p { from, to } };
            assert_eq!(*place, expected, "{json}");
            assert_eq!(last_msg(&events[0]), last_msg(&decoded(&format!("{{{PERSON}}}"))[0]));
            let attach = r#","attach":{"id":0,"data":{"ids":["b"]}},"tMembers":"[b]""#;
            for (kind, message_type, count) in
                [("TEAM", "TEXT", 1), ("TEAM", "NOTIFICATION", 2), ("SUPER_TEAM", "TEXT", 1)]
            {
                let more = format!(r#"{attach},"{flag}":{value}"#);
                let events = decoded(&team(kind, message_type, &more));
                assert_eq!(events.len(), if is_held { 0 } else { count }, "{kind} {more}");
            }
        }
    }
}

#[test]
fn a_copied_recall_has_the_key_of_its_message() {
    for (event, kind, number, place) in [
        (7, SessionKind::P2p, 7, "bob"),
        (8, SessionKind::Team, 8, "42"),
        (25, SessionKind::SuperTeam, 12, "42"),
    ] {
        let json = format!(
            r#"{{"eventType":"{event}","clientId":"c","msgId":"900","from":"amy","to":"{place}","fromClientType":"AOS","sendTime":"10","deleteTime":20,"selfMsg":"oops","attach":{{"a":1}}}}"#
        );
        let events = decoded(&json);
        let [Event::Recall { place: at, post, time, one_way: false }] = &events[..] else {
            panic!("{events:?}")
        };
        assert_eq!((post.time, post.message_id.as_str(), *time), (10, "900", 20));
        assert_eq!(
            post.last_msg,
            format!(
                r#"{{"0":20,"1":{number},"2":"{place}","3":"amy","4":"oops","5":"{{\"a\":1}}","10":"c","11":"900","14":10,"16":"amy"}}"#
            )
        );
        match at {
            Place::P2p { to, .. } => assert_eq!((kind, to.as_str()), (SessionKind::P2p, place)),
            Place::Team(team) => assert_eq!((kind, team.id().as_str()), (team.kind(), place)),
            Place::Undelivered { .. } => panic!("{at:?}"),
        }
    }
    let bare = r#"{"eventType":7,"msgId":1,"from":"a","to":"a","sendTime":5,"deleteTime":5}"#;
    assert_eq!(
        last_msg(&decoded(bare)[0]),
        r#"{"0":5,"1":7,"2":"a","3":"a","11":"1","14":5,"16":"a"}"#
    );
}

#[test]
fn a_copied_edit_names_its_message_by_id_and_holds_what_it_changes() {
    for (event, kind, to) in [
        (89, SessionKind::P2p, "bob"),
        (90, SessionKind::Team, "42"),
        (91, SessionKind::SuperTeam, "42"),
    ] {
        let json = format!(
            r#"{{"eventType":"{event}","from":"amy","to":"{to}","msgId":9007199254740993123,"clientId":"c","fromClientType":"AOS","modifyAccountId":"bot","modifyTime":1700000000120,"text":"whole","extension":"{{}}","subType":"3","attachment":{{"a": 1}}}}"#
        );
        let events = decoded(&json);
        let [Event::Edit { place, edit }] = &events[..] else { panic!("{events:?}") };
        assert_eq!(
            (edit.message_id.as_str(), edit.time),
            ("9007199254740993123", 1_700_000_000_120)
        );
        assert_eq!(
            edit.fields,
            concat!(
                r#"{"9":"whole","10":"{\"a\": 1}","15":"{}","41":3,"#,
                r#""62":"1700000000120","63":"bot"}"#
            )
        );
        match place {
            Place::P2p { from, to: at } => {
                assert_eq!((from.as_str(), at.as_str(), kind), ("amy", to, SessionKind::P2p));
            }
            Place::Team(team) => assert_eq!((team.kind(), team.id().as_str()), (kind, to)),
            Place::Undelivered { .. } => panic!("{place:?}"),
        }
    }
    let bare = r#"{"eventType":89,"from":"amy","to":"bob","msgId":"7","modifyTime":"5","text":""#;
    for (more, expected) in [
        (r#"x"}"#, Some(r#"{"9":"x","62":"5","63":"amy"}"#)),
        (r#"","subType":0}"#, Some(r#"{"41":0,"62":"5","63":"amy"}"#)),
        (r#"","attachment":null,"subType":""}"#, None),
    ] {
        let events = decoded(&format!("{bare}{more}"));
        assert_eq!(events.first().map(last_msg), expected, "{more}");
    }
    for field in ["from", "to", "msgId", "modifyTime"] {
        let named = format!("{bare}x\"}}").replace(&format!("\"{field}\""), "\"other\"");
        assert_eq!(decode(named.as_bytes()), Err(Malformed::Missing { field }));
    }
    let long = format!(r#"{bare}x","extension":"{}"}}"#, "x".repeat(17_000));
    assert_eq!(decode(long.as_bytes()), Err(Malformed::TooLong));
}

/// What a notice does: `in`, `out` or `end`, who, and who invited.
fn change(json: &str) -> String {
    let events = decoded(json);
    let Event::Message { post, audience, .. } = &events[0] else { panic!("{events:?}") };
    assert!(audience.is_empty(), "a notice has no audience: {json}");
    match &events[1..] {
        [] => "nothing".to_owned(),
        [Event::Join { accounts, inviter, time: 9, team }] => {
            assert_eq!(team.id().as_str(), "42");
            let inviter = inviter.as_ref().map(|i| format!(" by {i}")).unwrap_or_default();
            format!("in {}{inviter}", names(accounts))
        }
        [Event::Leave { accounts, notice, .. }] => {
            assert_eq!(notice, post);
            format!("out {}", names(accounts))
        }
        [Event::Dissolve { notice, .. }] => {
            assert_eq!(notice, post);
            "end".to_owned()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_notice_changes_membership_by_its_id() {
    let ids = r#""data":{"ids":["b","c"],"tinfo":{"1":"42"},"uinfos":[{"1":"amy"}]}"#;
    let cases = [
        ("0", "401", "in b+c by amy"),
        ("1", "402", "out b+c"),
        ("2", "403", "out amy"),
        ("3", "404", "nothing"),
        ("4", "405", "end"),
        ("5", "410", "in b+c"),
        ("6", "406", "nothing"),
        ("7", "407", "nothing"),
        ("8", "408", "nothing"),
        ("9", "411", "in amy"),
        ("10", "409", "nothing"),
    ];
    for (in_team, in_super_team, expected) in cases {
        for (kind, id) in
            [("TEAM", in_team), ("SUPER_TEAM", in_super_team), ("SUPER_TEAM", in_team)]
        {
            let text = format!(r#","attach":"{{\"id\":{id},{}}}""#, ids.replace('"', "\\\""));
            let object = format!(r#","attach":{{"id":"{id}",{ids}}}"#);
            for attach in [text, object] {
                let json = team(kind, "NOTIFICATION", &attach);
                assert_eq!(change(&json), expected, "{json}");
                let events = decoded(&json);
                let in_super = events.iter().all(|event| match event {
                    Event::Message { place: Place::Team(team), .. }
                    | Event::Join { team, .. }
                    | Event::Leave { team, .. }
                    | Event::Dissolve { team, .. } => team.kind() == SessionKind::SuperTeam,
                    other => panic!("{other:?}"),
                });
                assert_eq!(in_super, kind == "SUPER_TEAM");
            }
        }
    }
}

#[test]
fn the_ids_of_a_notice_come_in_every_shape() {
    for (data, expected) in [
        (r#"{"ids":["b",7]}"#, "in b+7 by amy"),
        (r#"{"ids":"[b, c]"}"#, "in b+c by amy"),
        (r#"{"ids":"[\"b\",\"c\"]"}"#, "in b+c by amy"),
        (r#"{"ids":"[9007199254740993123, 2]"}"#, "in 9007199254740993123+2 by amy"),
        // Java writes names bare, also those that are JSON by chance.
        (r#"{"ids":"[null, 7]"}"#, "in null+7 by amy"),
        (r#"{"ids":"[true, false]"}"#, "in true+false by amy"),
        (r#"{"ids":"[{}, [x], -1]"}"#, "in {}+[x]+-1 by amy"),
        (r#"{"ids":"[\"b\",null]"}"#, "in b by amy"),
        (r#"{"ids":"b"}"#, "in b by amy"),
        (r#"{"ids":7}"#, "in 7 by amy"),
        (r#"{"id":["b"]}"#, "in b by amy"),
        (r#"{"id":"b"}"#, "in b by amy"),
        (r#"{"ids":[],"id":"b"}"#, "in b by amy"),
        (r#""{\"ids\":[\"b\"]}""#, "in b by amy"),
        (r#"{"ids":["b",null,"","x|y",{"a":1},["c"],true]}"#, "in b by amy"),
        // Unreadable: the message counts, membership stays.
        (r#"{"ids":[]}"#, "nothing"),
        (r#"{"ids":{"a":1}}"#, "nothing"),
        (r#"{"ids":null}"#, "nothing"),
        ("{}", "nothing"),
        ("[]", "nothing"),
        ("null", "nothing"),
        ("5", "nothing"),
    ] {
        let json = team("TEAM", "NOTIFICATION", &format!(r#","attach":{{"id":0,"data":{data}}}"#));
        assert_eq!(change(&json), expected, "{data}");
    }
    for attach in [r#""""#, r#""no json""#, "[]", "7", r#"{"id":"x"}"#, r#"{"data":{}}"#, "null"] {
        let json = team("TEAM", "NOTIFICATION", &format!(r#","attach":{attach}"#));
        assert_eq!(change(&json), "nothing", "{attach}");
    }
    let many = vec!["\"b\""; ACCOUNTS_MAX + 1].join(",");
    let attach = format!(r#","attach":{{"id":0,"data":{{"ids":[{many}]}}}}"#);
    assert_eq!(change(&team("TEAM", "NOTIFICATION", &attach)), "nothing");
}

#[test]
fn only_a_notification_changes_membership() {
    let attach = r#","attach":{"id":0,"data":{"ids":["b"]}}"#;
    for kind in ["TEXT", "CUSTOM", "TIPS", "PICTURE"] {
        assert_eq!(change(&team("TEAM", kind, attach)), "nothing", "{kind}");
    }
    let person = format!(r#"{{{}{attach}}}"#, PERSON.replace("TEXT", "NOTIFICATION"));
    assert_eq!(decoded(&person).len(), 1);
}

#[test]
fn the_audience_of_a_team_message_is_kept_as_a_hint() {
    let audience = |json: &str| match &decoded(json)[0] {
        Event::Message { audience, .. } => names(audience),
        other => panic!("{other:?}"),
    };
    for (members, expected) in [
        (r#""[amy, b, c d]""#, "amy+b+c d"),
        (r#"["amy",7]"#, "amy+7"),
        (r#""[amy]""#, "amy"),
        (r#""[]""#, ""),
        (r#""""#, ""),
        ("null", ""),
        ("{}", ""),
    ] {
        let json = team("TEAM", "TEXT", &format!(r#","tMembers":{members}"#));
        assert_eq!(audience(&json), expected, "{members}");
    }
    assert_eq!(audience(&team("SUPER_TEAM", "TEXT", r#","tMembers":["amy"]"#)), "");
    let notice = |id: &str| {
        let attach = format!(r#","tMembers":"[cat, dan]","attach":{{"id":{id},"data":{{}}}}"#);
        audience(&team("TEAM", "NOTIFICATION", &attach))
    };
    for stays in ["0", "3", "5", "6", "7", "8", "9", "10", "401", "404", "406", "410", "411", "99"]
    {
        assert_eq!(notice(stays), "cat+dan", "{stays}");
    }
    for goes in ["1", "2", "4", "402", "403", "405", r#""1""#, r#""kick""#, "null", "{}"] {
        assert_eq!(notice(goes), "", "{goes} may name who went");
    }
}

#[test]
fn the_sender_of_a_message_from_a_client_is_a_hint_and_of_one_from_a_server_is_not() {
    let audience = |kind: &str, message_type: &str, more: &str| match &decoded(&team(
        kind,
        message_type,
        more,
    ))[0]
    {
        Event::Message { audience, .. } => names(audience),
        other => panic!("{other:?}"),
    };
    let clients = [
        "AOS", "IOS", "PC", "WEB", "MAC", "HARMONY", "WINPHONE", "1", "2", "4", "8", "16", "64",
        "65",
    ];
    for kind in ["TEAM", "SUPER_TEAM"] {
        let from = |client: &str| format!(r#","fromClientType":"{client}""#);
        for client in clients {
            assert_eq!(audience(kind, "TEXT", &from(client)), "amy", "{kind} {client}");
            assert_eq!(audience(kind, "NOTIFICATION", &from(client)), "", "{kind} {client}");
        }
        for other in ["REST", "32", "", "aos", "3", "FRIDGE"] {
            assert_eq!(audience(kind, "TEXT", &from(other)), "", "{kind} {other}");
        }
        assert_eq!(audience(kind, "CUSTOM", r#","fromClientType":16"#), "amy");
    }
    let both = |members: &str| format!(r#","fromClientType":"IOS","tMembers":"{members}""#);
    assert_eq!(audience("TEAM", "TEXT", &both("[amy, b]")), "amy+b", "once");
    assert_eq!(audience("TEAM", "TEXT", &both("[b]")), "b+amy");
    let person = format!(r#"{{{PERSON},"fromClientType":"IOS"}}"#);
    let Event::Message { audience, .. } = &decoded(&person)[0] else { panic!("{person}") };
    assert!(audience.is_empty());
}

#[test]
fn whoever_makes_a_super_team_is_in_it() {
    let facts = r#""1":"42","3":"name","5":"amy","8":"1","9":2"#;
    let text = |object: &str| serde_json::to_string(object).unwrap();
    let bare = format!("{{{facts}}}");
    let under = format!(r#"{{"tinfo":{bare}}}"#);
    let under_as_text = format!(r#"{{"tinfo":{}}}"#, text(&bare));
    let null_id = format!(r#"{{"id":null,{facts}}}"#);
    for attach in [&bare, &text(&bare), &under, &text(&under), &under_as_text, &null_id] {
        let json =
            |kind| team(kind, "NOTIFICATION", &format!(r#","body":"invite","attach":{attach}"#));
        assert_eq!(change(&json("SUPER_TEAM")), "in amy", "{attach}");
        assert_eq!(change(&json("TEAM")), "nothing", "{attach}");
    }
    for attach in [r#"{"1":"42"}"#, r#"{"5":"amy"}"#, r#"{"tinfo":{"1":"42"}}"#, "{}"] {
        let json = team("SUPER_TEAM", "NOTIFICATION", &format!(r#","attach":{attach}"#));
        assert_eq!(change(&json), "nothing", "{attach}");
    }
    let update = format!(r#","attach":{{"id":404,{facts}}}"#);
    assert_eq!(change(&team("SUPER_TEAM", "NOTIFICATION", &update)), "nothing");
}

#[test]
fn what_is_malformed_is_refused_by_the_name_of_the_field() {
    let missing = |field: &'static str| Some((field, "missing"));
    let ill = |field: &'static str| Some((field, "ill-formed"));
    let person = |from: &str, to: &str| format!("{{{}}}", PERSON.replace(from, to));
    let long = |n: usize| "a".repeat(n);
    let recall = |send: &str, delete: &str| {
        format!(
            r#"{{"eventType":7,"msgId":"1","from":"a","to":"b","sendTime":{send},"deleteTime":{delete}}}"#
        )
    };
    let cases = [
        (String::new(), None),
        ("[]".into(), None),
        ("\"{}\"".into(), None),
        ("{".into(), None),
        ("{} {}".into(), None),
        (r#"{"eventType":"one"}"#.into(), ill("eventType")),
        (r#"{"eventType":{}}"#.into(), ill("eventType")),
        (r#"{"eventType":-1}"#.into(), ill("eventType")),
        (r#"{"eventType":1}"#.into(), missing("convType")),
        (r#"{"eventType":1,"convType":["PERSON"]}"#.into(), ill("convType")),
        (person(r#""msgType":"TEXT""#, r#""msgType":null"#), missing("msgType")),
        (person(r#""fromAccount":"amy""#, r#""fromAccount":"""#), missing("fromAccount")),
        (person("amy", "a|b"), ill("fromAccount")),
        (person("amy", r"a\u0000"), ill("fromAccount")),
        (person("amy", r"a\ud800"), ill("fromAccount")),
        (person("amy", &long(129)), ill("fromAccount")),
        (person("\"bob\"", "[\"bob\"]"), ill("to")),
        (person("bob", &long(129)), ill("to")),
        (team("TEAM", "TEXT", "").replace("42", &long(65)), ill("to")),
        (team("SUPER_TEAM", "TEXT", "").replace("42", "4|2"), ill("to")),
        (person("1700000000000", "soon"), ill("msgTimestamp")),
        (person("1700000000000", "1.7e12"), ill("msgTimestamp")),
        (person("1700000000000", "-1"), ill("msgTimestamp")),
        (person("9007199254740993123", &long(65)), ill("msgidServer")),
        (person("9007199254740993123", r"1\n"), ill("msgidServer")),
        (format!(r#"{{{PERSON},"msgidClient":"a\u0001"}}"#), ill("msgidClient")),
        (recall("10", "9"), ill("deleteTime")),
        (recall("10", "null"), missing("deleteTime")),
        (recall("\"\"", "9"), missing("sendTime")),
        (recall("{}", "9"), ill("sendTime")),
        (recall("1", "2").replace(r#""from":"a","#, ""), missing("from")),
        (recall("1", "2").replace(r#""msgId":"1""#, r#""msgId":{}"#), ill("msgId")),
        (recall("1", "2").replace("\"b\"", r#""b\u007f""#), ill("to")),
    ];
    for (json, expected) in cases {
        let found = match decode(json.as_bytes()).expect_err(&json) {
            Malformed::NotAnObject => None,
            Malformed::Missing { field } => Some((field, "missing")),
            Malformed::IllFormed { field, .. } => Some((field, "ill-formed")),
            Malformed::TooLong => panic!("{json}"),
        };
        assert_eq!(found, expected, "{json}");
    }
    assert_eq!(decode(b"{\"eventType\":\"\xff\"}"), Err(Malformed::NotAnObject));
    let ext = format!(r#"{{{PERSON},"ext":"{}"}}"#, long(20_000));
    assert_eq!(decode(ext.as_bytes()), Err(Malformed::TooLong));
}

#[test]
fn half_an_emoji_costs_no_message() {
    let json = format!(r#"{{{PERSON},"body":"ab\ud83d","fromNick":"\ude00x"}}"#);
    let text = decoded(&json);
    let read: serde_json::Value = serde_json::from_str(last_msg(&text[0])).unwrap();
    assert!(read["9"].as_str().unwrap().starts_with("ab\u{fffd}"));
    assert!(read["6"].as_str().unwrap().ends_with('x'));
}

#[test]
fn depth_costs_no_stack() {
    let deep = "[".repeat(1_000_000) + &"]".repeat(1_000_000);
    let attach = format!(r#"{{"id":0,"data":{{"ids":["b"]}},"x":{deep}}}"#);
    let json = team("TEAM", "NOTIFICATION", &format!(r#","attach":{attach},"y":{deep}"#));
    assert_eq!(change(&json), "in b by amy");
}

#[test]
fn an_overlong_notice_loses_its_attach_and_still_counts() {
    let padding = "x".repeat(20_000);
    let attach = format!(r#","attach":{{"id":0,"pad":"{padding}","data":{{"ids":["b"]}}}}"#);
    let json = team("TEAM", "NOTIFICATION", &attach);
    assert_eq!(change(&json), "in b by amy");
    assert_eq!(last_msg(&decoded(&json)[0]), r#"{"0":1,"1":"42","2":"amy","7":9,"8":5,"12":"7"}"#);
}

/// JSON of any shape under NIM's names, so that the generator gets past the first field.
fn any_copy() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        Just("null".to_owned()),
        Just(r#""1""#.to_owned()),
        Just("[\"a\", 1, {}]".to_owned()),
        Just(r#"{"id":0,"data":{"ids":"[a, b]"}}"#.to_owned()),
        Just(r#""\ud800\u0000""#.to_owned()),
        any::<u64>().prop_map(|n| n.to_string()),
        any::<f64>().prop_map(|n| n.to_string()),
        ".{0,20}".prop_map(|text| serde_json::to_string(&text).unwrap()),
    ];
    let names = [
        "to",
        "fromAccount",
        "from",
        "msgTimestamp",
        "msgidServer",
        "msgId",
        "sendTime",
        "deleteTime",
        "attach",
        "tMembers",
        "body",
        "resendFlag",
    ];
    let fields =
        proptest::collection::vec((proptest::sample::select(names.to_vec()), value), 0..14);
    let kinds = proptest::sample::select(&["PERSON", "TEAM", "SUPER_TEAM"][..]);
    let events = proptest::sample::select(&[1, 7, 8, 25][..]);
    (fields, kinds, events).prop_map(|(fields, kind, event)| {
        let fields: String =
            fields.iter().map(|(name, value)| format!(",\"{name}\":{value}")).collect();
        format!(
            r#"{{"eventType":{event},"convType":"{kind}","msgType":"NOTIFICATION","msgTimestamp":5,"msgidServer":"1"{fields}}}"#
        )
    })
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode(&bytes);
        let _ = is_address_check(&bytes);
    }

    #[test]
    fn no_shape_panics_and_what_is_read_is_sound(json in any_copy()) {
        for event in decode(json.as_bytes()).unwrap_or_default() {
            if let Event::Message { post, .. } | Event::Recall { post, .. } = event {
                prop_assert!(post.last_msg.len() <= huihua_event::LAST_MSG_BYTES_MAX);
                prop_assert!((1..=MESSAGE_ID_BYTES_MAX).contains(&post.message_id.len()));
                prop_assert!(serde_json::from_str::<serde_json::Value>(&post.last_msg).is_ok());
            }
        }
    }
}
