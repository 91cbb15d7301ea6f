//! The login and the session service: what is read, and what is refused by its field's name.

use huihua_core::{AccountForm, EXT_BYTES_MAX, QueryMySessionOption};

use super::*;

fn tags(pairs: &[(u32, &str)]) -> Property {
    pairs.iter().fold(Property::default(), |property, (tag, text)| property.with(*tag, *text))
}

/// Reads the parameter from both framings; both must agree.
fn read<T: PartialEq + std::fmt::Debug>(
    value: &Value,
    reader: impl Fn(&Frame<'_>) -> Result<T, crate::rest::RequestFault>,
) -> Result<T, String> {
    let (text, bytes) = up(7, 19, value);
    let from_text = reader(&text_frame(&text)).map_err(|e| e.to_string());
    assert_eq!(from_text, reader(&binary_frame(&bytes)).map_err(|e| e.to_string()));
    from_text
}

fn login(changes: &[(u32, &str)]) -> Result<Login, String> {
    let good = [(6, "92112"), (18, "app"), (19, "Amy"), (1_000, "tok")];
    let all = tags(&[&good, changes].concat());
    read(&Value::Property(all), |frame| Login::read(LoginForm::V1, frame))
}

#[test]
fn a_login_is_read_from_both_generations() {
    for (seen, form) in [(LOGIN, LoginForm::V1), (LOGIN_V2, LoginForm::V2)] {
        assert_eq!(LoginForm::of(seen.command), Some(form));
        let login = Login::read(form, &text_frame(seen.text)).unwrap();
        assert_eq!(login, Login::read(form, &binary_frame(&seen.bytes())).unwrap());
        assert_eq!((login.app_key.as_str(), login.token.as_str()), ("app", "tok"));
        assert_eq!((login.sdk, login.by_hand), (Sdk::Ng, true));
        assert_eq!((login.device_id.as_str(), login.client_type.as_str()), ("dev", "16"));
    }
    assert_eq!(LoginForm::of(Command::Logout), None);
}

#[test]
fn a_login_tells_which_sdk_it_is_and_whether_it_reconnects() {
    for (version, sdk) in
        [("92112", Sdk::Web), ("", Sdk::Web), ("100000", Sdk::Ng), ("100801", Sdk::Ng)]
    {
        assert_eq!(login(&[(6, version)]).unwrap().sdk, sdk, "{version}");
    }
    for (text, by_hand) in [("1", true), ("0", false), ("", true)] {
        assert_eq!(login(&[(8, text)]).unwrap().by_hand, by_hand);
    }
}

#[test]
fn a_login_means_one_account_in_the_form_of_its_app() {
    let login = login(&[]).unwrap();
    let is_of =
        |account: &str, form| login.is_of(&AccountForm::Exact.account(account).unwrap(), form);
    assert!(is_of("amy", AccountForm::Nim) && is_of("Amy", AccountForm::Exact));
    assert!(!is_of("amy", AccountForm::Exact) && !is_of("bob", AccountForm::Nim));
}

#[test]
fn a_login_is_refused_by_the_name_of_its_field() {
    let long = "a".repeat(257);
    for (change, field) in [
        ((18, ""), "appkey"),
        ((18, "a|b"), "appkey"),
        ((19, ""), "account"),
        ((19, "a|b"), "account"),
        ((1_000, ""), "token"),
        ((115, "1"), "authType"),
        ((115, "x"), "authType"),
        ((6, "9.21"), "sdkVersion"),
        ((8, "2"), "appLogin"),
        ((3, long.as_str()), "clientType"),
        ((13, long.as_str()), "deviceId"),
        ((38, long.as_str()), "customTag"),
    ] {
        let refused = login(&[change]).unwrap_err();
        assert!(refused.starts_with(&format!("{field} ")), "{refused}");
    }
    assert!(login(&[(13, &long[1..]), (115, "0")]).is_ok());
}

#[test]
fn a_list_has_the_option_that_the_client_chose() {
    let default = QueryMySessionOption::default;
    let bounded = QueryMySessionOption {
        min_timestamp: 1,
        max_timestamp: 1_700_000_000_000,
        need_last_msg: false,
        limit: 2,
        page_token: None,
    };
    for (seen, option) in [(LIST, default()), (LIST_BOUNDED, bounded)] {
        assert_eq!(sessions::list(&text_frame(seen.text)).unwrap(), option);
        assert_eq!(sessions::list(&binary_frame(&seen.bytes())).unwrap(), option);
    }
    let list = |pairs: &[(u32, &str)]| read(&Value::Property(tags(pairs)), sessions::list);
    assert_eq!(list(&[]), Ok(default()));
    assert_eq!(list(&[(1, ""), (2, ""), (3, ""), (4, "")]), Ok(default()));
    for (text, need_last_msg) in [("0", false), ("1", true), ("true", true), ("false", false)] {
        assert_eq!(list(&[(3, text)]), Ok(QueryMySessionOption { need_last_msg, ..default() }));
    }
    for (pairs, field) in [
        (&[(4, "0")][..], "limit"),
        (&[(4, "101")], "limit"),
        (&[(4, "4294967297")], "limit"),
        (&[(4, "-1")], "limit"),
        (&[(4, "1.5")], "limit"),
        (&[(3, "2")], "needLastMsg"),
        (&[(1, "x")], "minTimestamp"),
        (&[(2, "-1")], "maxTimestamp"),
        (&[(1, "5"), (2, "4")], "minTimestamp"),
    ] {
        let refused = list(pairs).unwrap_err();
        assert!(refused.starts_with(&format!("{field} ")), "{refused}");
    }
}

#[test]
fn a_session_is_named_as_its_app_writes_accounts() {
    let get = |text, form| {
        read(&Value::Property(tags(&[(1, text)])), |frame| sessions::get(frame, form))
            .map(|id| id.to_string())
    };
    assert_eq!(get("p2p|Bob", AccountForm::Nim).unwrap(), "p2p|bob");
    assert_eq!(get("p2p|Bob", AccountForm::Exact).unwrap(), "p2p|Bob");
    assert_eq!(get("super_team|Room", AccountForm::Nim).unwrap(), "super_team|Room");
    for text in ["", "p2p|", "p2p-bob", "superTeam|1", "p2p|a|b"] {
        let refused = get(text, AccountForm::Nim).unwrap_err();
        assert!(refused.starts_with("sessionId "), "{refused}");
    }
}

#[test]
fn an_ext_may_be_absent_but_not_too_long() {
    let update = |pairs: &[(u32, &str)]| {
        read(&Value::Property(tags(pairs)), |frame| sessions::update(frame, AccountForm::Nim))
            .map(|(id, ext)| (id.to_string(), ext))
    };
    let longest = "a".repeat(EXT_BYTES_MAX);
    for ext in ["", "x", "{\"pin\":\"置顶\"}", longest.as_str()] {
        let pairs = [(1, "team|7"), (3, ext)];
        assert_eq!(update(&pairs), Ok(("team|7".to_owned(), ext.to_owned())));
    }
    assert_eq!(update(&[(1, "team|7")]), Ok(("team|7".to_owned(), String::new())));
    let long = format!("{longest}a");
    assert!(update(&[(1, "team|7"), (3, &long)]).unwrap_err().starts_with("ext "));
    assert!(update(&[(3, "x")]).unwrap_err().starts_with("sessionId "));
}

#[test]
fn a_delete_names_1_to_100_sessions() {
    let delete = |texts: &[&str]| {
        let items = texts.iter().map(|text| tags(&[(1, text)])).collect();
        read(&Value::Properties(items), |frame| sessions::delete(frame, AccountForm::Nim))
            .map(|ids| ids.len())
    };
    assert_eq!(delete(&["p2p|bob", "team|7"]), Ok(2));
    assert_eq!(delete(&vec!["p2p|bob"; 100]), Ok(100));
    for (texts, field) in
        [(vec![], "sessionIds"), (vec!["p2p|bob"; 101], "sessionIds"), (vec!["bob"], "sessionId")]
    {
        let refused = delete(&texts).unwrap_err();
        assert!(refused.starts_with(&format!("{field} ")), "{refused}");
    }
}
