//! A naive model of the stream: keeps everything that was delivered and computes each list from the
//! contract's words. Shares no code with the server, not even for `lastMsg`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// Longest `lastMsg`, in bytes.
pub(super) const LAST_MSG_BYTES_MAX: usize = 16 * 1024;

/// P2p, team, super team: the order in which ties are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    P2p,
    Team,
    SuperTeam,
}

/// The key of a message with its text: time, length of the id, id, rank, digest, text.
type StreamKey = (u64, usize, String, u8, Vec<u8>, String);

/// A message (rank 0) or a recall (rank 1) somewhere.
#[derive(Debug, Clone)]
pub(super) struct Said {
    pub(super) kind: Kind,
    pub(super) from: String,
    /// Account or team id.
    pub(super) to: String,
    pub(super) time: u64,
    pub(super) id: String,
    pub(super) rank: u8,
    pub(super) last_msg: String,
    /// What a notice says about the members of the team.
    pub(super) change: MemberChange,
    /// Whom a team message shows to be in: whom `tMembers` names, and who wrote it on a client.
    pub(super) audience: Vec<String>,
    /// The receiver has blocked the sender, or moderation held it back.
    pub(super) is_undelivered: bool,
}

/// What happens to a team's members.
#[derive(Debug, Clone)]
pub(super) enum MemberChange {
    Nothing,
    /// They are in.
    In(Vec<String>),
    /// They are in, and so is the sender unless a notice about him is dated earlier.
    Invited(Vec<String>),
    Out(Vec<String>),
    End,
}

impl Said {
    fn key(&self) -> StreamKey {
        let digest = Sha256::digest(&self.last_msg)[..8].to_vec();
        (self.time, self.id.len(), self.id.clone(), self.rank, digest, self.last_msg.clone())
    }
}

/// Everything that was delivered for one app.
#[derive(Default)]
pub(super) struct StreamModel {
    pub(super) said: Vec<Said>,
}

/// In since a time, or out with a notice.
#[derive(Clone)]
enum StreamMember {
    Unknown,
    In(u64),
    Out(StreamKey),
}

/// What is known about one account in one team.
#[derive(Default)]
struct MemberHistory {
    ins: BTreeSet<u64>,
    outs: BTreeMap<u64, Vec<StreamKey>>,
    invited: BTreeSet<u64>,
    hint: Option<u64>,
    end: Option<StreamKey>,
}

impl StreamModel {
    /// The account's list as `/v1/sessions` must return it.
    pub(super) fn list(&self, account: &str) -> Vec<Value> {
        let mut lasts: Vec<(Kind, String, StreamKey)> = Vec::new();
        let mut peers: BTreeMap<&str, StreamKey> = BTreeMap::new();
        let mut heads: BTreeMap<(Kind, &str), StreamKey> = BTreeMap::new();
        for said in &self.said {
            if said.is_undelivered && (said.kind != Kind::P2p || said.from != account) {
                continue;
            }
            let slot = match said.kind {
                Kind::P2p if said.from == account => peers.entry(&said.to).or_default(),
                Kind::P2p if said.to == account => peers.entry(&said.from).or_default(),
                Kind::P2p => continue,
                Kind::Team | Kind::SuperTeam => heads.entry((said.kind, &said.to)).or_default(),
            };
            *slot = slot.clone().max(said.key());
        }
        lasts.extend(peers.into_iter().map(|(peer, last)| (Kind::P2p, peer.to_owned(), last)));
        for ((kind, team), head) in heads {
            let known = self.known(account, kind, team);
            let shown = match known.standing() {
                StreamMember::Unknown => continue,
                StreamMember::Out(notice) => Some(notice),
                StreamMember::In(since) => Some(head).filter(|head| {
                    let is_of_this_life = |end: &StreamKey| head.0 <= end.0 || since > end.0;
                    head.0 >= since && known.end.as_ref().is_none_or(is_of_this_life)
                }),
            };
            lasts.extend(shown.map(|last| (kind, team.to_owned(), last)));
        }
        lasts.sort_by(|a, b| b.2.0.cmp(&a.2.0).then((a.0, &a.1).cmp(&(b.0, &b.1))));
        lasts.iter().map(|(kind, peer, last)| row(*kind, peer, last)).collect()
    }

    fn known(&self, account: &str, kind: Kind, team: &str) -> MemberHistory {
        let mut known = MemberHistory::default();
        let names_me = |names: &[String]| names.iter().any(|name| name == account);
        let of_team = |said: &&Said| said.kind == kind && said.to == team && !said.is_undelivered;
        for said in self.said.iter().filter(of_team) {
            match &said.change {
                MemberChange::Nothing => {}
                MemberChange::In(names) | MemberChange::Invited(names) if names_me(names) => {
                    known.ins.insert(said.time);
                }
                MemberChange::Out(names) if names_me(names) => {
                    known.outs.entry(said.time).or_default().push(said.key());
                }
                MemberChange::End => known.end = known.end.max(Some(said.key())),
                MemberChange::In(_) | MemberChange::Invited(_) | MemberChange::Out(_) => {}
            }
            if matches!(said.change, MemberChange::Invited(_)) && said.from == account {
                known.invited.insert(said.time);
            }
            if names_me(&said.audience) {
                known.hint = known.hint.max(Some(said.time));
            }
        }
        let notices = known.ins.len() + known.outs.len();
        assert!(notices < 16, "beyond 16 notices the contract promises less: {notices}");
        known
    }
}

impl MemberHistory {
    fn standing(&self) -> StreamMember {
        let by_notice = self.fold(None);
        // After the end it counts as one of its time.
        let of_its_life = |hint: u64| self.end.as_ref().map_or(hint, |end| hint.min(end.0));
        match (&by_notice, self.hint.map(of_its_life)) {
            (StreamMember::Unknown | StreamMember::Out(_), Some(hint)) => self.fold(Some(hint)),
            _ => by_notice,
        }
    }

    /// In order of time; at one time ins, then the hint, then what puts out.
    fn fold(&self, hint: Option<u64>) -> StreamMember {
        let mut ins = self.ins.clone();
        let notices = || self.ins.iter().chain(self.outs.keys()).copied();
        if let Some(first) = self.invited.first().copied()
            && notices().all(|other| other >= first)
        {
            ins.insert(first);
        }
        // In a life after the end the last invitation counts.
        if let (Some(last), Some((end, ..))) = (self.invited.last().copied(), &self.end)
            && last > *end
            && notices().all(|other| other <= *end || other >= last)
        {
            ins.insert(last);
        }
        let hint = hint.map(|time| (time - 60_000, time));
        let ends = self.end.iter().map(|end| end.0);
        let mut times: BTreeSet<u64> = ins.iter().copied().chain(ends).collect();
        times.extend(self.outs.keys().copied().chain(hint.map(|(at, _)| at)));
        let mut standing = StreamMember::Unknown;
        for time in times {
            if ins.contains(&time) && !matches!(standing, StreamMember::In(_)) {
                standing = StreamMember::In(time);
            }
            if let Some((at, floor)) = hint
                && at == time
                && !matches!(standing, StreamMember::In(_))
            {
                standing = StreamMember::In(floor);
            }
            let mut outs = self.outs.get(&time).cloned().unwrap_or_default();
            if matches!(standing, StreamMember::In(_)) {
                outs.extend(self.end.clone().filter(|end| end.0 == time));
            }
            if let Some(greatest) = outs.into_iter().max()
                && !matches!(standing, StreamMember::Out(_))
            {
                standing = StreamMember::Out(greatest);
            }
        }
        standing
    }
}

fn row(kind: Kind, peer: &str, last: &StreamKey) -> Value {
    let kind = match kind {
        Kind::P2p => "p2p",
        Kind::Team => "team",
        Kind::SuperTeam => "super_team",
    };
    let last_msg: Value = serde_json::from_str(&last.5).unwrap();
    json!({
        "sessionId": format!("{kind}|{peer}"), "updateTime": last.0, "ext": "",
        "lastMsgType": last.3, "lastMsg": last_msg,
    })
}

/// A value of `lastMsg`.
pub(super) enum Part<'a> {
    Number(u64),
    Text(&'a str),
}

/// `lastMsg` of these keys, which ascend. Empty texts are absent.
pub(super) fn last_msg(parts: &[(u8, Part<'_>)]) -> String {
    let written = parts.iter().filter_map(|(key, part)| match part {
        Part::Number(number) => Some(format!("\"{key}\":{number}")),
        Part::Text("") => None,
        Part::Text(text) => Some(format!("\"{key}\":{}", Value::from(*text))),
    });
    format!("{{{}}}", written.collect::<Vec<_>>().join(","))
}
