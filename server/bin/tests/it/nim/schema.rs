//! The exact form of every answer: its fields, no more and no fewer, and the JSON type of each. A
//! third-party binding that reads strictly must read all of them.

use serde_json::{Value, json};

/// A form: a string names a type (`number`, `string`, `bool`, `tid`), an array holds the form of
/// its items, an object the form of each field; `*` is any name.
pub(crate) fn assert_form(form: &Value, got: &Value, what: &str) {
    if let Err(why) = matches(form, got) {
        panic!("{what}: {why}\nin {got}");
    }
}

fn matches(form: &Value, got: &Value) -> Result<(), String> {
    let wrong = || Err(format!("{form} expected, not {got}"));
    match (form, got) {
        (Value::String(kind), _) => {
            let right = match kind.as_str() {
                "number" => got.is_u64(),
                "string" => got.is_string(),
                "bool" => got.is_boolean(),
                // A number where the id is decimal, its text where it is not.
                "tid" => match got {
                    Value::Number(_) => got.is_u64(),
                    Value::String(text) => {
                        text.parse::<i64>().map_or(true, |number| number.to_string() != *text)
                    }
                    _ => false,
                },
                other => panic!("no type: {other}"),
            };
            if right { Ok(()) } else { wrong() }
        }
        (Value::Array(of), Value::Array(items)) => {
            items.iter().try_for_each(|item| matches(&of[0], item))
        }
        (Value::Object(fields), Value::Object(got)) => {
            for (name, value) in got {
                let form = fields.get(name).or(fields.get("*"));
                let Some(form) = form else { return Err(format!("no field {name} expected")) };
                matches(form, value).map_err(|why| format!("{name}: {why}"))?;
            }
            match fields.keys().find(|name| *name != "*" && !got.contains_key(*name)) {
                Some(missing) => Err(format!("{missing} is missing")),
                None => Ok(()),
            }
        }
        (Value::Number(code), Value::Number(got)) if code == got => Ok(()),
        _ => wrong(),
    }
}

/// The answer of a call that went well; `None` for a page of sessions, which has many forms.
pub(crate) fn success(path: &str) -> Option<Value> {
    let refused = json!({"accid": ["string"], "msg": "string"});
    let form = match path {
        "/history/querySessionList.action" => return None,
        "/user/create.action" | "/user/refreshToken.action" => {
            json!({"code": 200, "info": {"accid": "string", "name": "string", "token": "string"}})
        }
        "/msg/sendMsg.action" | "/superteam/sendMsg.action" => json!({
            "code": 200, "data": {"msgid": "number", "timetag": "number", "antispam": "bool"}
        }),
        "/msg/sendBatchMsg.action" => {
            json!({"code": 200, "unregister": "string", "timetag": "number"})
        }
        "/team/create.action" | "/superteam/create.action" => {
            json!({"code": 200, "tid": "string", "faccid": refused})
        }
        "/team/add.action" | "/team/kick.action" => json!({"code": 200, "faccid": refused}),
        "/team/joinTeams.action" => json!({"code": 200, "infos": [{
            "tid": "number", "owner": "string", "tname": "string", "maxusers": "number",
            "maxUsers": "number", "size": "number", "custom": "string"
        }]}),
        "/team/query.action" | "/team/queryDetail.action" => team_form(path),
        "/superteam/getTinfos.action" | "/superteam/joinTeams.action" => super_teams_form(),
        "/superteam/getTlists.action" => json!({"code": 200, "tlists": [{
            "tid": "number", "accid": "string", "type": "number", "nick": "string",
            "jointime": "number", "mute": "number", "invitor": "string", "validflag": "number",
            "custom": "string", "createtime": "number", "updatetime": "number"
        }]}),
        _ => json!({"code": 200}),
    };
    Some(form)
}

fn team_form(path: &str) -> Value {
    let mut team = json!({
        "tid": "number", "tname": "string", "icon": "string", "owner": "string",
        "maxusers": "number", "size": "number", "announcement": "string", "intro": "string",
        "joinmode": "number", "beinvitemode": "number", "invitemode": "number",
        "uptinfomode": "number", "upcustommode": "number", "muteType": "number",
        "custom": "string", "clientCustom": "string", "mute": "bool", "admins": ["string"],
        "members": ["string"], "createtime": "number", "updatetime": "number"
    });
    if path == "/team/query.action" {
        return json!({"code": 200, "tinfos": [team]});
    }
    let member = json!({
        "accid": "string", "nick": "string", "createtime": "number", "updatetime": "number",
        "mute": "bool", "custom": "string"
    });
    team["owner"] = member.clone();
    team["admins"] = json!([member]);
    team["members"] = json!([member]);
    json!({"code": 200, "tinfo": team})
}

fn super_teams_form() -> Value {
    json!({"code": 200, "tinfos": [{
        "tid": "number", "tname": "string", "creator": "string", "tlevel": "number",
        "size": "number", "intro": "string", "announcement": "string", "clientCustom": "string",
        "serverCustom": "string", "icon": "string", "muteType": "number", "joinmode": "number",
        "beinvitemode": "number", "invitemode": "number", "uptinfomode": "number",
        "upcustommode": "number", "createtime": "number", "updatetime": "number"
    }]})
}

/// An error: the code and its text, and nothing else.
pub(crate) fn assert_refused(got: &Value, code: u64, what: &str) {
    assert_form(&json!({"code": code, "desc": "string"}), got, what);
    assert!(!got["desc"].as_str().unwrap().is_empty(), "{what}: {got}");
}

/// A page of `querySessionList`; the rows.
pub(crate) fn session_rows(got: &Value) -> Vec<Value> {
    let page = json!({"code": 200, "data": {"hasMore": "bool", "sessions": [{"*": "any"}]}});
    let rows = got["data"]["sessions"].as_array().unwrap_or_else(|| panic!("no rows in {got}"));
    let mut head = got.clone();
    head["data"]["sessions"] = json!([]);
    assert_form(&page, &head, "querySessionList");
    for row in rows {
        assert_form(&row_form(row), row, "querySessionList");
    }
    rows.clone()
}

/// The form of a row, by its kind and its last message.
pub(super) fn row_form(row: &Value) -> Value {
    let mut form = json!({"sessionType": "number", "updateTime": "number", "ext": "string"});
    match row["sessionType"].as_u64() {
        Some(1) => form["accid"] = "string".into(),
        Some(2 | 3) => form["tid"] = "tid".into(),
        other => panic!("sessionType {other:?} in {row}"),
    }
    match row["lastMsgType"].as_str() {
        None => {}
        Some("MESSAGE") => {
            form["lastMsgType"] = "string".into();
            form["lastMsg"] = json!({
                "msgIdClient": "string", "msgIdServer": "number", "from": "string",
                "fromClientType": "string", "time": "number", "type": "number", "body": "string",
                "attach": "string", "ext": "string",
            });
        }
        Some("RECALL") => {
            form["lastMsgType"] = "string".into();
            form["lastMsg"] = json!({
                "deleteMsgIdClient": "string", "deleteMsgIdServer": "string",
                "deleteMsgCreateTime": "number", "from": "string", "time": "number",
            });
        }
        Some(other) => panic!("lastMsgType {other} in {row}"),
    }
    form
}
