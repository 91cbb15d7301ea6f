//! What each address holds of the server: connections, bytes of bodies before anybody knows who
//! calls, and bytes of answers that it has not taken. An IPv6 network of 64 bits counts as one
//! address: a peer has all of it.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use axum::http::Extensions;

use crate::{auth::PeerAddress, error::Error, limits::Limits};

/// Shortest time between two log lines about refused connections, in ms.
const LINE_INTERVAL_MS: u64 = 1_000;

/// The addresses with connections.
pub(crate) struct Addresses {
    limits: Limits,
    /// As many as there are connections, at most.
    uses: Mutex<HashMap<IpAddr, Arc<AddressUse>>>,
    /// Bytes of all bodies.
    body_bytes: AtomicUsize,
    /// Bytes of all answers that count.
    answer_bytes: AtomicUsize,
    line_at_ms: AtomicU64,
}

/// What one address holds. Changed under the lock of [`Addresses::uses`], but for bytes.
#[derive(Default)]
struct AddressUse {
    connections: AtomicUsize,
    body_bytes: AtomicUsize,
    answer_bytes: AtomicUsize,
}

impl Addresses {
    pub(crate) fn new(limits: Limits) -> Self {
        let (body_bytes, answer_bytes) = (0.into(), 0.into());
        Self { limits, uses: Mutex::default(), body_bytes, answer_bytes, line_at_ms: 0.into() }
    }

    /// Counts a connection; `None` if its address has as many as it may. `now` in ms since 1970.
    pub(crate) fn connect(self: &Arc<Self>, address: IpAddr, now: u64) -> Option<Peer> {
        let address = counted(address);
        let max = self.share(
            address,
            self.limits.connections_per_address,
            self.limits.connections_max.div_ceil(4),
        );
        let mut uses = self.lock();
        let usage = Arc::clone(uses.entry(address).or_default());
        if max.is_some_and(|max| usage.connections.load(Relaxed) >= max) {
            drop(uses);
            self.log_refused(now);
            return None;
        }
        usage.connections.fetch_add(1, Relaxed);
        Some(Peer { addresses: Arc::clone(self), address, usage })
    }

    /// Returns what one address may have: what is configured, or else `part`, which does not hold
    /// for this machine's own.
    fn share(&self, address: IpAddr, configured: Option<usize>, part: usize) -> Option<usize> {
        configured.or_else(|| (!address.is_loopback()).then_some(part))
    }

    fn log_refused(&self, now: u64) {
        let last = self.line_at_ms.load(Relaxed);
        // Whoever changes it writes the line; a clock that was set back does not silence the log.
        if last.abs_diff(now) >= LINE_INTERVAL_MS
            && self.line_at_ms.compare_exchange(last, now, Relaxed, Relaxed).is_ok()
        {
            tracing::warn!(
                "an address has as many connections as it may: further ones are closed; for a \
                 proxy raise connections_per_address"
            );
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, Arc<AddressUse>>> {
        // Nothing under this lock panics half done.
        self.uses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the address as it is counted.
pub(crate) fn counted(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) if !v6.is_loopback() => {
            IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)))
        }
        other => other,
    }
}

/// One connection in the counts of its address.
pub(crate) struct Peer {
    addresses: Arc<Addresses>,
    address: IpAddr,
    usage: Arc<AddressUse>,
}

impl Peer {
    /// What its requests carry.
    pub(crate) fn extensions(&self) -> Extensions {
        let mut extensions = Extensions::new();
        if !self.address.is_loopback() {
            extensions.insert(PeerAddress(self.address));
        }
        extensions
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let mut uses = self.addresses.lock();
        if self.usage.connections.fetch_sub(1, Relaxed) == 1 {
            uses.remove(&self.address);
        }
    }
}

/// The bytes that one request's body holds in memory, given back when the request is answered.
pub(crate) struct BodyBytes {
    addresses: Arc<Addresses>,
    usage: Arc<AddressUse>,
    /// Of its address.
    bytes_max: usize,
    held: AtomicUsize,
}

impl BodyBytes {
    pub(crate) fn of(peer: &Peer) -> Self {
        let Peer { addresses, address, usage } = peer;
        let Limits { body_bytes_max, body_bytes_per_address, .. } = addresses.limits;
        let share = addresses.share(*address, body_bytes_per_address, body_bytes_max / 2);
        Self {
            addresses: Arc::clone(addresses),
            usage: Arc::clone(usage),
            bytes_max: share.unwrap_or(body_bytes_max),
            held: 0.into(),
        }
    }

    /// Takes room for so many bytes more.
    ///
    /// # Errors
    /// [`Error::Overloaded`].
    pub(crate) fn take(&self, bytes: usize) -> Result<(), Error> {
        // Counted first and given back with the rest: two that come at once cannot both fit in.
        self.held.fetch_add(bytes, Relaxed);
        let of_address = self.usage.body_bytes.fetch_add(bytes, Relaxed) + bytes;
        let of_all = self.addresses.body_bytes.fetch_add(bytes, Relaxed) + bytes;
        if of_all > self.addresses.limits.body_bytes_max {
            return Err(Error::Overloaded { what: "too many bytes of bodies are in memory" });
        }
        if of_address > self.bytes_max {
            return Err(Error::Overloaded { what: "too many bytes of bodies of your address" });
        }
        Ok(())
    }

    /// Returns how long the body may take.
    pub(crate) fn wait(&self) -> Duration {
        self.addresses.limits.body_wait
    }
}

impl Drop for BodyBytes {
    fn drop(&mut self) {
        let held = *self.held.get_mut();
        self.usage.body_bytes.fetch_sub(held, Relaxed);
        self.addresses.body_bytes.fetch_sub(held, Relaxed);
    }
}

/// The bytes that one answer holds in memory, given back when the peer has taken them.
pub(crate) struct AnswerBytes {
    addresses: Arc<Addresses>,
    usage: Arc<AddressUse>,
    bytes: usize,
}

impl AnswerBytes {
    /// Takes room for an answer of so many bytes.
    ///
    /// # Errors
    /// [`Error::Overloaded`].
    pub(crate) fn take(peer: &Peer, bytes: usize) -> Result<Self, Error> {
        let Peer { addresses, address, usage } = peer;
        let max = addresses.limits.answer_bytes_max;
        let share = addresses.share(*address, None, max / 2).unwrap_or(max);
        let taken = Self { addresses: Arc::clone(addresses), usage: Arc::clone(usage), bytes };
        // As for bodies: counted first, and given back with what is dropped.
        let of_address = usage.answer_bytes.fetch_add(bytes, Relaxed) + bytes;
        let of_all = addresses.answer_bytes.fetch_add(bytes, Relaxed) + bytes;
        if of_all > max {
            return Err(Error::Overloaded {
                what: "too many bytes of answers wait for their peers",
            });
        }
        if of_address > share {
            return Err(Error::Overloaded { what: "too many bytes of answers wait for you" });
        }
        Ok(taken)
    }
}

impl Drop for AnswerBytes {
    fn drop(&mut self) {
        self.usage.answer_bytes.fetch_sub(self.bytes, Relaxed);
        self.addresses.answer_bytes.fetch_sub(self.bytes, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(limits: Limits) -> Arc<Addresses> {
        Arc::new(Addresses::new(Limits { connections_max: 8, body_bytes_max: 100, ..limits }))
    }

    fn connect(addresses: &Arc<Addresses>, address: &str) -> Option<Peer> {
        addresses.connect(address.parse().unwrap(), 0)
    }

    #[test]
    fn an_address_has_its_share_of_connections_and_gives_them_back() {
        for (configured, address, other, max) in [
            (None, "192.0.2.1", "192.0.2.2", 2),
            (None, "2001:db8::1", "2001:db8:0:1::1", 2),
            (Some(3), "192.0.2.1", "::ffff:192.0.2.2", 3),
            (Some(1), "127.0.0.1", "::1", 1),
        ] {
            let addresses =
                addresses(Limits { connections_per_address: configured, ..Limits::default() });
            let mut peers: Vec<_> =
                (0..max).map(|_| connect(&addresses, address).expect(address)).collect();
            assert!(connect(&addresses, address).is_none(), "{address}");
            assert!(connect(&addresses, other).is_some(), "{other}");
            peers.pop();
            peers.push(connect(&addresses, address).expect("one has gone"));
            assert!(connect(&addresses, address).is_none(), "{address}");
            drop(peers);
            assert!(addresses.lock().is_empty(), "nothing is kept of who has gone");
        }
        let addresses = addresses(Limits::default());
        let of_a_proxy: Vec<_> = (0..8).map(|_| connect(&addresses, "127.0.0.1")).collect();
        assert!(of_a_proxy.iter().all(Option::is_some), "this machine's own has no share");
        let same_network = [connect(&addresses, "2001:db8::1"), connect(&addresses, "2001:db8::2")];
        assert!(same_network.iter().all(Option::is_some));
        assert!(connect(&addresses, "2001:db8::3").is_none(), "they are one address");
        let mapped = [connect(&addresses, "::ffff:192.0.2.1"), connect(&addresses, "192.0.2.1")];
        assert!(mapped.iter().all(Option::is_some));
        assert!(connect(&addresses, "192.0.2.1").is_none(), "they are one address");
    }

    #[test]
    fn answers_have_a_budget_in_all_and_of_their_address() {
        let addresses = addresses(Limits { answer_bytes_max: 100, ..Limits::default() });
        let [a, b, c] = ["192.0.2.1", "192.0.2.2", "127.0.0.1"]
            .map(|address| connect(&addresses, address).unwrap());
        let taken = [&a, &b].map(|peer| AnswerBytes::take(peer, 40).unwrap());
        let refused =
            |peer, bytes| AnswerBytes::take(peer, bytes).map(drop).unwrap_err().to_string();
        assert!(refused(&a, 11).ends_with("wait for you"), "half of it is its share");
        assert!(refused(&c, 21).ends_with("wait for their peers"));
        drop(AnswerBytes::take(&c, 20).unwrap());
        drop(taken);
        assert!(AnswerBytes::take(&c, 100).is_ok(), "what is taken is given back; a proxy has all");
        assert_eq!(addresses.answer_bytes.load(Relaxed), 0);
    }

    #[test]
    fn bodies_have_a_budget_in_all_and_of_their_address() {
        let addresses = addresses(Limits::default());
        let [a, b, c] = ["192.0.2.1", "192.0.2.2", "127.0.0.1"]
            .map(|address| connect(&addresses, address).unwrap());
        let [a, b, c] = [a, b, c].map(|peer| BodyBytes::of(&peer));
        assert!(a.take(50).is_ok() && b.take(40).is_ok(), "half of it each");
        assert!(matches!(a.take(1), Err(Error::Overloaded { what }) if what.contains("address")));
        drop(a);
        assert!(c.take(60).is_ok(), "what is answered is given back; a proxy has all");
        assert!(matches!(b.take(1), Err(Error::Overloaded { what }) if what.contains("memory")));
        drop((b, c));
        assert_eq!(addresses.body_bytes.load(Relaxed), 0);
    }
}
