//! What the server writes, byte for byte. Decoders of nim-web-sdk-ng 10.8.1 and of
//! @yxim/nim-web-sdk 9.21.12 were seen to read these very texts and bytes.

use huihua_core::{Code, LastMsg, LastMsgType, Page, RecentSession};

use super::*;

fn text(sid: u8, cid: u8, answer: &Answer) -> String {
    match Framing::Text.answer(Header { sid, cid, serial: 3 }, answer) {
        Message::Text(text) => text,
        Message::Binary(_) => panic!("a text link"),
    }
}

fn bytes(sid: u8, cid: u8, answer: &Answer) -> String {
    match Framing::Binary.answer(Header { sid, cid, serial: 3 }, answer) {
        Message::Binary(bytes) => hex::encode(bytes),
        Message::Text(_) => panic!("a binary link"),
    }
}

fn session(last_msg_type: LastMsgType, last_msg: Option<&str>) -> RecentSession {
    RecentSession {
        session_id: "p2p|bob".parse().unwrap(),
        update_time: 1_700_000_000_000,
        ext: "{\"a\":\"你\"}".to_owned(),
        last_msg_type,
        last_msg: last_msg.map(|text| LastMsg::new(text.to_owned()).unwrap()),
    }
}

const LAST_MSG: &str = r#"{"0":0,"1":"bob","2":"amy","7":1700000000000,"8":0,"9":"hi","12":"7"}"#;
const RECALL: &str =
    r#"{"0":1700000000001,"1":7,"2":"bob","3":"amy","11":"7","14":1700000000000,"16":"amy"}"#;

#[test]
fn a_page_is_written_as_the_sdks_read_it() {
    let page = |session_list, has_more| {
        let cursor = String::new();
        Page { session_list, has_more, next_page_token: None, sync_cursor: cursor }
    };
    let rows = vec![session(LastMsgType::Message, Some(LAST_MSG))];
    let answer = sessions::page(page(rows, true));
    assert_eq!(
        text(7, 19, &answer),
        concat!(
            r#"3:::{"sid":7,"cid":19,"ser":3,"code":200,"r":[{"1":"1700000000000","5":"1"},"#,
            r#"[{"1":"p2p|bob","2":"1700000000000","3":"{\"a\":\"你\"}","#,
            r#""4":"{\"0\":0,\"1\":\"bob\",\"2\":\"amy\",\"7\":1700000000000,\"8\":0,"#,
            r#"\"9\":\"hi\",\"12\":\"7\"}","5":"0"}]]}"#
        )
    );
    assert_eq!(
        bytes(7, 19, &answer),
        concat!(
            "8901",
            "0713",
            "0300",
            "00",
            "02",
            "010d31373030303030303030303030",
            "050131",
            "01",
            "05",
            "01077032707c626f62",
            "020d31373030303030303030303030",
            "030b7b2261223a22e4bda0227d",
            "0445",
            "7b2230223a302c2231223a22626f62222c2232223a22616d79222c2237223a",
            "313730303030303030303030302c2238223a302c2239223a226869222c223132223a2237227d",
            "050130"
        )
    );
    let none = sessions::page(page(Vec::new(), false));
    assert_eq!(
        text(7, 19, &none),
        r#"3:::{"sid":7,"cid":19,"ser":3,"code":200,"r":[{"5":"0"},[]]}"#
    );
    assert_eq!(bytes(7, 19, &none), "0a07130300000105013000");
}

#[test]
fn a_recall_is_pushed_to_9_x_without_its_notice() {
    let push = |last_msg_type, last_msg, sdk| {
        let push = sessions::changed(session(last_msg_type, Some(last_msg)), sdk);
        match Framing::Text.push(&push) {
            Message::Text(text) => text,
            Message::Binary(_) => panic!("a text link"),
        }
    };
    let (message, recall) = (LastMsgType::Message, LastMsgType::Recall);
    assert_eq!(
        push(recall, RECALL, Sdk::Web),
        r#"3:::{"sid":7,"cid":121,"ser":0,"code":200,"r":[{"1":"p2p|bob","2":"1700000000000","3":"{\"a\":\"你\"}","5":"1"}]}"#
    );
    let shows_last_msg = |text: String| text.contains(r#""4":"#);
    assert!(shows_last_msg(push(recall, RECALL, Sdk::Ng)));
    assert!(shows_last_msg(push(message, LAST_MSG, Sdk::Web)));
    assert!(shows_last_msg(text(7, 20, &sessions::found(session(recall, Some(RECALL))))));
}

#[test]
fn a_login_is_answered_in_its_own_form() {
    let link =
        LoggedIn { connection_id: "c1", ip: "10.0.0.1", port: 4_000, now_ms: 1_700_000_000_000 };
    let login = |form, seen: &Seen| Login::read(form, &text_frame(seen.text)).unwrap();
    let v1 = login(LoginForm::V1, &LOGIN).answer(&link);
    assert_eq!(
        text(2, 3, &v1),
        r#"3:::{"sid":2,"cid":3,"ser":3,"code":200,"r":[{"38":"t","102":"c1","103":"10.0.0.1"},[],{}]}"#
    );
    assert_eq!(
        bytes(2, 3, &v1),
        "19020303000003260174660263316708".to_owned() + "31302e302e302e310000"
    );
    let v2 = login(LoginForm::V2, &LOGIN_V2).answer(&link);
    assert_eq!(
        text(26, 3, &v2),
        concat!(
            r#"3:::{"sid":26,"cid":3,"ser":3,"code":200,"r":[{"1":"dev","2":"c1","3":"10.0.0.1","#,
            r#""4":"4000","5":"16","7":"1700000000000","12":"1"},[]]}"#
        )
    );
    assert_eq!(
        bytes(26, 3, &v2),
        concat!(
            "36",
            "1a03",
            "0300",
            "00",
            "07",
            "0103646576",
            "02026331",
            "030831302e302e302e31",
            "040434303030",
            "05023136",
            "070d31373030303030303030303030",
            "0c0131",
            "00"
        )
    );
}

#[test]
fn a_kick_has_nims_reason_and_the_form_of_the_login() {
    let push = |framing: Framing, form| framing.push(&Kick::TokenExpired.push(form));
    assert_eq!(
        push(Framing::Text, LoginForm::V1),
        Message::Text(
            r#"3:::{"sid":2,"cid":5,"ser":0,"code":200,"r":[32,2,"token expired",0]}"#.to_owned()
        )
    );
    let v2 = hex::decode(
        "1f1a0900000020000000020000000d746f6b656e206578706972656400000000".replace(' ', ""),
    );
    assert_eq!(push(Framing::Binary, LoginForm::V2), Message::Binary(v2.unwrap()));
    let reasons = [Kick::TokenExpired, Kick::TokenReplaced, Kick::Blocked].map(Kick::reason);
    assert_eq!(reasons, ["token expired", "token replaced", "account blocked"]);
}

#[test]
fn a_refusal_has_a_code_and_its_list_is_there() {
    let refused = Answer::refused(Code::NotFound);
    assert_eq!(text(28, 1, &refused), r#"3:::{"sid":28,"cid":1,"ser":3,"code":404,"r":[]}"#);
    assert_eq!(bytes(28, 1, &refused), "071c010300029401");
    let often = Answer::too_frequent(7);
    assert_eq!(text(7, 19, &often), r#"3:::{"sid":7,"cid":19,"ser":3,"code":416,"r":[7]}"#);
    assert_eq!(bytes(7, 19, &often), "070713030002a001");
    let done = Answer::ok(Vec::new());
    assert_eq!(text(1, 2, &done), r#"3:::{"sid":1,"cid":2,"ser":3,"code":200,"r":[]}"#);
    assert_eq!(bytes(1, 2, &done), "050102030000");
    let time = Answer::time(1_700_000_000_000);
    assert_eq!(
        text(6, 23, &time),
        r#"3:::{"sid":6,"cid":23,"ser":3,"code":200,"r":[1700000000000]}"#
    );
    assert_eq!(bytes(6, 23, &time), "0d06170300000068e5cf8b010000");
}
