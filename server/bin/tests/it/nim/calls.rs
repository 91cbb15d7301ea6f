//! Every supported call of NIM's server API, by path: good parameters and all ways to make them
//! wrong. The docs are compared with this list too.

use serde_json::json;

/// A call. Parameters are `name=value`, separated by spaces; `{…}` is replaced by a value of
/// [`CallValues`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct NimCall {
    pub(crate) path: &'static str,
    pub(crate) good: &'static str,
    /// Must be there and not be empty.
    needed: &'static str,
    /// Must be accounts.
    pub(super) accounts: &'static str,
    /// Must be JSON arrays of accounts, at most so many.
    pub(super) lists: &'static [(&'static str, usize)],
    /// Must be whole numbers.
    pub(super) numbers: &'static str,
    /// Whether it carries a message.
    is_message: bool,
    /// Refused with 414.
    wrong: &'static str,
    /// Refused with 503: too far ahead of the server's clock.
    ahead: &'static str,
    /// Refused with 803: no such team.
    no_team: &'static str,
    /// Refused with 403: not allowed.
    forbidden: &'static str,
}

const CALL: NimCall = NimCall {
    path: "",
    good: "",
    needed: "",
    accounts: "",
    lists: &[],
    numbers: "",
    is_message: false,
    wrong: "",
    ahead: "",
    no_team: "",
    forbidden: "",
};

/// The values of `{…}` in the table.
pub(crate) struct CallValues {
    /// A team of own, amy and bob.
    pub(crate) team: String,
    /// A super team of them.
    pub(crate) super_team: String,
    /// A team that was dissolved.
    pub(crate) ended: String,
}

impl CallValues {
    fn fill(&self, text: &str) -> String {
        text.replace("{team}", &self.team)
            .replace("{super_team}", &self.super_team)
            .replace("{ended}", &self.ended)
            .replace("{unknown}", "4611686018427387000")
            .replace("{text}", "{\"msg\":\"hi\"}")
            .replace("{long}", &"n".repeat(129))
            .replace("{ahead}", &"9".repeat(15))
    }

    pub(crate) fn pairs(&self, text: &'static str) -> Vec<(&'static str, String)> {
        let pair = |pair: &'static str| {
            let (name, value) = pair.split_once('=').expect("name=value");
            (name, self.fill(value))
        };
        text.split_whitespace().map(pair).collect()
    }
}

/// A parameter set otherwise (`None`: absent), and NIM's code.
pub(crate) type WrongParameter = (&'static str, Option<String>, u64);

impl NimCall {
    pub(crate) fn good(&self, values: &CallValues) -> Vec<(&'static str, String)> {
        values.pairs(self.good)
    }

    /// What must be there; nothing where a row above says it.
    pub(crate) fn needed(&self) -> &'static str {
        self.needed
    }

    /// All ways to spoil it, one parameter at a time.
    pub(crate) fn faults(&self, values: &CallValues) -> Vec<WrongParameter> {
        let mut faults: Vec<WrongParameter> = Vec::new();
        for name in self.needed.split_whitespace() {
            faults.extend([(name, None, 414), (name, Some(String::new()), 414)]);
        }
        let mut wrong = |name, texts: &[&str]| {
            faults.extend(texts.iter().map(|text| (name, Some((*text).to_owned()), 414)));
        };
        for name in self.accounts.split_whitespace() {
            wrong(name, &["a|b", "a\u{1}", "a\n", &"a".repeat(129)]);
        }
        for (name, max) in self.lists {
            let many: Vec<String> = (0..=*max).map(|n| format!("m{n}")).collect();
            wrong(name, &["amy", "amy,bob", "{}", "[\"amy\"", "[[\"amy\"]]", "[null]", "[\"\"]"]);
            wrong(name, &["[\"a|b\"]", &json!(many).to_string()]);
        }
        for name in self.numbers.split_whitespace() {
            wrong(name, &["x", "-1", "1.5", "+1", "1e3", " 1", "99999999999999999999"]);
        }
        if self.is_message {
            let long = json!({"msg": "x".repeat(5_001)}).to_string();
            wrong("body", &["hi", "{}", "[]", "\"hi\"", "{\"msg\":1}", "{\"msg\":\"a\"", &long]);
            wrong("type", &["5", "99", "-1", "TEXT"]);
            wrong("ext", &[&"x".repeat(1_025)]);
            wrong("option", &["x", "[]"]);
        }
        for (code, texts) in
            [(414, self.wrong), (503, self.ahead), (803, self.no_team), (403, self.forbidden)]
        {
            let pairs = values.pairs(texts).into_iter();
            faults.extend(pairs.map(|(name, value)| (name, Some(value), code)));
        }
        faults
    }
}

/// All calls. A call is listed twice if it has two meanings. Those that end a team come last.
pub(crate) const CALLS: [NimCall; 34] = [
    NimCall {
        path: "/history/querySessionList.action",
        good: "accid=amy minTimestamp=2",
        needed: "accid",
        accounts: "accid",
        numbers: "minTimestamp maxTimestamp limit",
        wrong: "limit=0 limit=101 maxTimestamp=1 needLastMsg=2 needLastMsg=yes needLastMsg=-1",
        ..CALL
    },
    NimCall {
        path: "/user/create.action",
        good: "accid=new name=New",
        needed: "accid",
        accounts: "accid",
        wrong: "accid=amy name={long} token={long}",
        ..CALL
    },
    NimCall {
        path: "/user/update.action",
        good: "accid=amy token=amys_token",
        needed: "accid",
        accounts: "accid",
        wrong: "token={long}",
        ..CALL
    },
    NimCall {
        path: "/user/refreshToken.action",
        good: "accid=bob",
        needed: "accid",
        accounts: "accid",
        ..CALL
    },
    NimCall {
        path: "/user/block.action",
        good: "accid=eve needkick=true",
        needed: "accid",
        accounts: "accid",
        ..CALL
    },
    NimCall {
        path: "/user/unblock.action",
        good: "accid=eve",
        needed: "accid",
        accounts: "accid",
        ..CALL
    },
    NimCall {
        path: "/msg/sendMsg.action",
        good: "from=amy to=bob ope=0 type=0 body={text}",
        needed: "from to ope type body",
        accounts: "from to",
        is_message: true,
        wrong: "ope=2 ope=-1 ope=x",
        ..CALL
    },
    NimCall {
        path: "/msg/sendMsg.action",
        good: "from=amy to={team} ope=1 type=0 body={text}",
        needed: "from to ope type body",
        accounts: "from",
        is_message: true,
        no_team: "to={unknown} to={ended} to={super_team} to=0",
        ..CALL
    },
    NimCall {
        path: "/msg/sendBatchMsg.action",
        good: "fromAccid=amy toAccids=[\"cat\"] type=0 body={text}",
        needed: "fromAccid toAccids type body",
        accounts: "fromAccid",
        lists: &[("toAccids", 500)],
        is_message: true,
        wrong: "toAccids=[]",
        ..CALL
    },
    NimCall {
        path: "/msg/recall.action",
        good: "deleteMsgid=9007199254740993 timetag=1700000000000 type=7 from=amy to=bob ignoreTime=1",
        needed: "deleteMsgid timetag type from to",
        accounts: "from to",
        numbers: "timetag",
        wrong: "deleteMsgid=x deleteMsgid=-1 deleteMsgid=1.5 type=9 type=13 type=x",
        ahead: "timetag={ahead}",
        ..CALL
    },
    NimCall {
        path: "/msg/recall.action",
        good: "deleteMsgid=9007199254740993 timetag=1700000000000 type=8 from=amy to={team}",
        no_team: "to={unknown} to={ended} to={super_team}",
        ..CALL
    },
    NimCall {
        path: "/msg/delMsgOneWay.action",
        good: "deleteMsgid=9007199254740993 timetag=1700000000000 type=13 from=amy to=bob msg=m",
        needed: "deleteMsgid timetag type from to",
        accounts: "from to",
        numbers: "timetag",
        wrong: "type=7 type=8 type=15 deleteMsgid=x",
        ahead: "timetag={ahead}",
        ..CALL
    },
    NimCall {
        path: "/msg/delMsg.action",
        good: "deleteMsgid=9007199254740993 timetag=1700000000000 type=7 from=amy to=bob",
        needed: "from to",
        accounts: "from",
        ..CALL
    },
    NimCall {
        path: "/msg/delRoamSession.action",
        good: "type=1 from=amy to=bob",
        needed: "type from to",
        accounts: "from to",
        wrong: "type=0 type=4 type=x",
        ..CALL
    },
    NimCall {
        path: "/superteam/sendMsg.action",
        good: "fromAccid=amy tid={super_team} type=0 body={text}",
        needed: "fromAccid tid type body",
        accounts: "fromAccid",
        is_message: true,
        no_team: "tid={unknown} tid={team} tid=0",
        ..CALL
    },
    NimCall {
        path: "/superteam/recallMsg.action",
        good: "deleteMsgid=9007199254740993 timetag=1700000000000 from=amy to={super_team}",
        needed: "deleteMsgid timetag from to",
        accounts: "from",
        numbers: "timetag",
        ahead: "timetag={ahead}",
        no_team: "to={unknown} to={team}",
        ..CALL
    },
    NimCall {
        path: "/team/create.action",
        good: "tname=t owner=own members=[\"cat\"] msg=m magree=0 joinmode=0",
        needed: "tname owner",
        accounts: "owner",
        lists: &[("members", 200)],
        wrong: "tname={long}",
        ..CALL
    },
    NimCall {
        path: "/superteam/create.action",
        good: "tname=t owner=own inviteAccids=[\"cat\"] joinmode=0",
        needed: "tname owner",
        accounts: "owner",
        lists: &[("inviteAccids", 200)],
        wrong: "tname={long}",
        ..CALL
    },
    NimCall {
        path: "/team/add.action",
        good: "tid={team} owner=own members=[\"cat\"] magree=0 msg=m",
        needed: "tid owner members",
        accounts: "owner",
        lists: &[("members", 200)],
        wrong: "members=[]",
        no_team: "tid={unknown} tid={ended} tid={super_team}",
        forbidden: "owner=cat owner=amy",
        ..CALL
    },
    NimCall {
        path: "/superteam/invite.action",
        good: "tid={super_team} owner=own inviteAccids=[\"cat\"] msg=m",
        needed: "tid owner inviteAccids",
        accounts: "owner",
        lists: &[("inviteAccids", 200)],
        wrong: "inviteAccids=[]",
        no_team: "tid={unknown} tid={team}",
        forbidden: "owner=cat owner=amy",
        ..CALL
    },
    NimCall {
        path: "/team/kick.action",
        good: "tid={team} owner=own members=[\"bob\"]",
        needed: "tid owner members",
        accounts: "owner",
        lists: &[("members", 200)],
        wrong: "members=[]",
        no_team: "tid={unknown} tid={ended} tid={super_team}",
        forbidden: "owner=amy owner=dan members=[\"own\"]",
        ..CALL
    },
    NimCall {
        path: "/superteam/kick.action",
        good: "tid={super_team} owner=own kickAccids=[\"bob\"]",
        needed: "tid owner kickAccids",
        accounts: "owner",
        lists: &[("kickAccids", 200)],
        wrong: "kickAccids=[]",
        no_team: "tid={unknown} tid={team}",
        forbidden: "owner=amy owner=dan kickAccids=[\"own\"]",
        ..CALL
    },
    NimCall {
        path: "/team/leave.action",
        good: "tid={team} accid=amy",
        needed: "tid accid",
        accounts: "accid",
        no_team: "tid={unknown} tid={ended} tid={super_team}",
        forbidden: "accid=own",
        ..CALL
    },
    NimCall {
        path: "/superteam/leave.action",
        good: "tid={super_team} accid=amy",
        needed: "tid accid",
        accounts: "accid",
        no_team: "tid={unknown} tid={team}",
        forbidden: "accid=own",
        ..CALL
    },
    NimCall {
        path: "/team/changeOwner.action",
        good: "tid={team} owner=own newowner=own leave=2",
        needed: "tid owner newowner leave",
        accounts: "owner newowner",
        wrong: "leave=0 leave=3 leave=x",
        no_team: "tid={unknown} tid={ended} tid={super_team}",
        forbidden: "owner=amy owner=dan leave=1",
        ..CALL
    },
    NimCall {
        path: "/superteam/changeOwner.action",
        good: "tid={super_team} owner=own newowner=own leave=2",
        needed: "tid owner newowner leave",
        accounts: "owner newowner",
        wrong: "leave=0 leave=3 leave=x",
        no_team: "tid={unknown} tid={team}",
        forbidden: "owner=amy owner=dan leave=1",
        ..CALL
    },
    NimCall {
        path: "/team/joinTeams.action",
        good: "accid=cat",
        needed: "accid",
        accounts: "accid",
        ..CALL
    },
    NimCall {
        path: "/team/query.action",
        good: "tids=[\"{team}\",{unknown}] ope=1",
        needed: "tids ope",
        wrong: "tids={team} tids=[] tids={} tids=[\"\"] tids=[\"a|b\"] tids=[null] ope=2 ope=x",
        no_team: "tids=[{unknown}] tids=[\"{ended}\"] tids=[\"{super_team}\"]",
        ..CALL
    },
    NimCall {
        path: "/team/queryDetail.action",
        good: "tid={team}",
        needed: "tid",
        wrong: "tid=a|b",
        no_team: "tid={unknown} tid={ended} tid={super_team} tid=0",
        ..CALL
    },
    NimCall {
        path: "/superteam/getTinfos.action",
        good: "tids=[\"{super_team}\"]",
        needed: "tids",
        wrong: "tids={team} tids=[] tids={} tids=[\"\"] tids=[\"a|b\"] tids=[null]",
        no_team: "tids=[{unknown}] tids=[\"{team}\"]",
        ..CALL
    },
    NimCall {
        path: "/superteam/getTlists.action",
        good: "tid={super_team} timetag=0 limit=100",
        needed: "tid timetag limit",
        numbers: "timetag limit",
        wrong: "tid=a|b limit=0 limit=101 reverse=0 reverse=3 reverse=x",
        no_team: "tid={unknown} tid={team} tid=0",
        ..CALL
    },
    NimCall {
        path: "/superteam/joinTeams.action",
        good: "accid=cat",
        needed: "accid",
        accounts: "accid",
        ..CALL
    },
    NimCall {
        path: "/team/remove.action",
        good: "tid={team} owner=own",
        needed: "tid owner",
        accounts: "owner",
        no_team: "tid={unknown} tid={ended} tid={super_team}",
        forbidden: "owner=amy owner=dan",
        ..CALL
    },
    NimCall {
        path: "/superteam/dismiss.action",
        good: "tid={super_team} owner=own",
        needed: "tid owner",
        accounts: "owner",
        no_team: "tid={unknown} tid={team}",
        forbidden: "owner=amy owner=dan",
        ..CALL
    },
];
