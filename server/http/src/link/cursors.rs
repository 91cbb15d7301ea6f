//! How far the links of each device have come, for some minutes, so that one that is cut goes on
//! where it was. A cursor counts once the client has confirmed what was pushed before it.

use std::{
    hash::{BuildHasher as _, RandomState},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use huihua_event::Owner;
use lru::LruCache;

use crate::clock::Clock;

/// For how long a cut link is remembered, in ms: a phone in a tunnel. Whoever comes back later
/// lists anew anyway.
const REMEMBERED_MS: u64 = 5 * 60 * 1_000;
/// What a link costs, in bytes: its cursor, some 80, with its place in the tables.
const LINK_BYTES: usize = 256;
/// Most links of one device: pages of one browser share its name.
const LINKS_OF_DEVICE_MAX: usize = 8;

/// The cursors of all devices, the ones that were used longest ago first to go.
pub(crate) struct DeviceCursors {
    hasher: RandomState,
    links_max: usize,
    clock: Clock,
    devices: Mutex<Devices>,
}

struct Devices {
    /// Keyed by a hash of app, account and device. The hash is keyed: nobody can choose two that
    /// share one, and the store takes no cursor of another account.
    links: LruCache<u64, Vec<LinkCursor>>,
    count: usize,
    /// Numbers links, and orders what they have been told.
    next: u64,
}

/// How far one link has come.
struct LinkCursor {
    link: u64,
    /// `None`: it has confirmed nothing yet.
    cursor: Option<Box<str>>,
    /// The lower, the older the cursor.
    order: u64,
    /// When it ended, ms since 1970; `None` as long as the server takes it for open.
    ended_at: Option<u64>,
}

impl DeviceCursors {
    pub(crate) fn new(bytes_max: usize, clock: Clock) -> Self {
        let links = LruCache::unbounded();
        let devices = Mutex::new(Devices { links, count: 0, next: 0 });
        Self { hasher: RandomState::new(), links_max: bytes_max / LINK_BYTES, clock, devices }
    }

    /// Begins a link. One that `reconnects` gets the cursor at which an earlier link of its device
    /// was; of several the oldest, so that nothing is missed.
    pub(crate) fn begin(
        self: &Arc<Self>,
        owner: &Owner,
        device_id: &str,
        reconnects: bool,
    ) -> (LinkPlace, Option<String>) {
        let device = self.hasher.hash_one((owner.app.as_str(), owner.account.as_str(), device_id));
        let mut devices = self.lock();
        let resumed = reconnects.then(|| devices.resume(device, self.clock.now_ms())).flatten();
        devices.next += 1;
        let link = devices.next;
        devices.add(device, link, self.links_max);
        (LinkPlace { cursors: Arc::clone(self), device, link }, resumed)
    }

    fn lock(&self) -> MutexGuard<'_, Devices> {
        // Nothing under this lock panics half done.
        self.devices.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Devices {
    fn resume(&mut self, device: u64, now: u64) -> Option<String> {
        let links = self.links.get_mut(&device)?;
        let before = links.len();
        links.retain(|link| link.ended_at.is_none_or(|at| at.abs_diff(now) <= REMEMBERED_MS));
        let known = links.iter().enumerate().filter(|(_, link)| link.cursor.is_some());
        // One that has ended; if there is none, the server does not know yet that it was cut.
        let (at, _) = known.min_by_key(|(_, link)| (link.ended_at.is_none(), link.order))?;
        let cursor = match links[at].ended_at {
            Some(_) => links.swap_remove(at).cursor,
            None => links[at].cursor.clone(),
        };
        self.count -= before - links.len();
        cursor.map(String::from)
    }

    fn add(&mut self, device: u64, link: u64, links_max: usize) {
        let links = self.links.get_or_insert_mut(device, Vec::new);
        if links.len() >= LINKS_OF_DEVICE_MAX {
            links.remove(0);
            self.count -= 1;
        }
        links.push(LinkCursor { link, cursor: None, order: link, ended_at: None });
        self.count += 1;
        while self.count > links_max
            && let Some((_, gone)) = self.links.pop_lru()
        {
            self.count -= gone.len();
        }
    }

    fn link(&mut self, device: u64, link: u64) -> Option<&mut LinkCursor> {
        self.links.get_mut(&device)?.iter_mut().find(|one| one.link == link)
    }

    fn remove(&mut self, device: u64, link: u64) {
        let Some(links) = self.links.get_mut(&device) else { return };
        let before = links.len();
        links.retain(|one| one.link != link);
        self.count -= before - links.len();
        if links.is_empty() {
            self.links.pop(&device);
        }
    }
}

/// An open link among those of its device. Dropping it says that the link has ended.
pub(crate) struct LinkPlace {
    cursors: Arc<DeviceCursors>,
    device: u64,
    link: u64,
}

impl LinkPlace {
    /// Forgets it: the client has gone, or was sent away.
    fn forget(&self) {
        self.cursors.lock().remove(self.device, self.link);
    }

    fn draw_order(&self) -> u64 {
        let mut devices = self.cursors.lock();
        devices.next += 1;
        devices.next
    }

    fn confirm(&self, sent: Sent) {
        if let Some(link) = self.cursors.lock().link(self.device, self.link) {
            (link.cursor, link.order) = (Some(sent.cursor.into()), sent.order);
        }
    }
}

impl Drop for LinkPlace {
    fn drop(&mut self) {
        let now = self.cursors.clock.now_ms();
        let mut devices = self.cursors.lock();
        match devices.link(self.device, self.link) {
            Some(link) if link.cursor.is_some() => link.ended_at = Some(now),
            // A login that was refused after all: it must not push out what there is to remember.
            Some(_) => devices.remove(self.device, self.link),
            None => {}
        }
    }
}

/// What a client was told last.
struct Sent {
    cursor: String,
    order: u64,
}

/// How far a client has come. A ping follows what is pushed; the pong says that it was read, for a
/// socket takes much that never arrives.
pub(crate) struct Delivery {
    place: LinkPlace,
    pinged: Option<Sent>,
    /// Pushed since that ping.
    sent: Option<Sent>,
}

impl Delivery {
    /// Begins at a cursor that the client knows by its login.
    pub(crate) fn new(place: LinkPlace, cursor: &str) -> Self {
        let order = place.draw_order();
        place.confirm(Sent { cursor: cursor.to_owned(), order });
        Self { place, pinged: None, sent: None }
    }

    /// Notes that everything up to this cursor was pushed; returns whether a ping must follow.
    pub(crate) fn note_sent(&mut self, cursor: &str) -> bool {
        let sent = Sent { cursor: cursor.to_owned(), order: self.place.draw_order() };
        let waits = self.pinged.is_some();
        *(if waits { &mut self.sent } else { &mut self.pinged }) = Some(sent);
        !waits
    }

    /// Takes a pong; returns whether another ping must follow.
    pub(crate) fn take_pong(&mut self) -> bool {
        if let Some(pinged) = self.pinged.take() {
            self.place.confirm(pinged);
        }
        self.pinged = self.sent.take();
        self.pinged.is_some()
    }

    /// Forgets the link: its client does not come back by itself.
    pub(crate) fn forget(&self) {
        self.place.forget();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

    use super::*;

    static NOW: AtomicU64 = AtomicU64::new(0);

    fn cursors(links_max: usize) -> Arc<DeviceCursors> {
        let clock = Clock::new(|| NOW.load(Relaxed));
        Arc::new(DeviceCursors::new(links_max * LINK_BYTES, clock))
    }

    fn owner(account: &str) -> Owner {
        Owner { app: "a".parse().unwrap(), account: account.parse().unwrap() }
    }

    #[test]
    fn a_link_that_is_cut_goes_on_at_what_its_client_has_confirmed() {
        let cursors = cursors(99);
        let begin = |device: &str, reconnects| cursors.begin(&owner("amy"), device, reconnects);
        let (place, resumed) = begin("d", true);
        assert_eq!(resumed, None);
        let mut delivery = Delivery::new(place, "0");
        assert!(delivery.note_sent("1"), "the first is followed by a ping");
        assert!(!delivery.note_sent("2") && !delivery.note_sent("3"), "which is under way");
        // The server does not know yet that the link was cut: what was confirmed counts.
        assert_eq!(begin("d", true).1.as_deref(), Some("0"));
        assert!(delivery.take_pong(), "the others are followed by one, too");
        assert_eq!(begin("d", true).1.as_deref(), Some("1"));
        assert!(!delivery.take_pong());
        drop(delivery);
        for (device, reconnects) in [("d", false), ("e", true), ("", true)] {
            assert_eq!(begin(device, reconnects).1, None);
        }
        assert_eq!(cursors.begin(&owner("bob"), "d", true).1, None);
        assert_eq!(begin("d", true).1.as_deref(), Some("3"));
        assert_eq!(begin("d", true).1, None, "it goes on once");
    }

    #[test]
    fn the_oldest_of_two_cut_links_counts_and_none_after_five_minutes_or_a_logout() {
        let cursors = cursors(99);
        let begin = || cursors.begin(&owner("amy"), "two pages", true);
        let two = [begin().0, begin().0];
        let [mut first, mut second] = two.map(|place| Delivery::new(place, "0"));
        for (delivery, cursor) in [(&mut second, "1"), (&mut first, "2")] {
            assert!(delivery.note_sent(cursor) && !delivery.take_pong());
        }
        drop((first, second));
        assert_eq!([begin().1.as_deref(), begin().1.as_deref()], [Some("1"), Some("2")]);
        drop(Delivery::new(begin().0, "3"));
        NOW.fetch_add(REMEMBERED_MS + 1, Relaxed);
        assert_eq!(begin().1, None);
        Delivery::new(begin().0, "4").forget();
        assert_eq!(begin().1, None);
    }

    #[test]
    fn refused_logins_of_a_device_leave_what_there_is_to_remember() {
        let cursors = cursors(99);
        let begin = || cursors.begin(&owner("amy"), "d", true);
        let open = Delivery::new(begin().0, "1");
        for _ in 0..=LINKS_OF_DEVICE_MAX {
            assert_eq!(begin().1.as_deref(), Some("1"));
        }
        drop(open);
        assert_eq!(cursors.lock().count, 1);
        assert_eq!(begin().1.as_deref(), Some("1"));
        assert_eq!(cursors.lock().count, 0);
    }

    #[test]
    fn what_is_remembered_has_a_limit_and_the_oldest_go_first() {
        let cursors = cursors(100);
        for n in 0..1_000 {
            drop(Delivery::new(cursors.begin(&owner(&format!("u{n}")), "d", false).0, "0"));
            for _ in 0..20 {
                drop(Delivery::new(cursors.begin(&owner("busy"), "d", false).0, "0"));
            }
            assert!(cursors.lock().count <= 100);
        }
        assert_eq!(cursors.lock().links.iter().map(|(_, links)| links.len()).sum::<usize>(), 100);
        let resumed = |name: &str| cursors.begin(&owner(name), "d", true).1;
        assert_eq!((resumed("u0"), resumed("u999").as_deref()), (None, Some("0")));
    }
}
