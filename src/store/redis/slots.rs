//! Which node of a cluster has which slot.

use ::redis::Value;

/// How many slots a cluster has.
const SLOTS: u16 = 16_384;

/// Host and port.
pub(super) type Address = (String, u16);

/// The slot of a key: of what stands between its first braces, if anything does.
pub(super) fn slot(key: &[u8]) -> u16 {
    let tag = key.iter().position(|byte| *byte == b'{').and_then(|open| {
        let rest = &key[open + 1..];
        let close = rest.iter().position(|byte| *byte == b'}')?;
        rest.get(..close).filter(|tag| !tag.is_empty())
    });
    let mut crc: u16 = 0;
    for byte in tag.unwrap_or(key) {
        crc ^= u16::from(*byte) << 8;
        for _ in 0..8 {
            let carry = crc & 0x8000 != 0;
            crc = crc << 1 ^ if carry { 0x1021 } else { 0 };
        }
    }
    crc % SLOTS
}

/// The owner of each slot.
#[derive(Clone, Debug, Default)]
pub(super) struct Slots {
    addresses: Vec<Address>,
    /// Places in `addresses`; empty as long as nothing is known.
    owners: Vec<Option<u16>>,
}

impl Slots {
    /// Reads the answer to `CLUSTER SLOTS`, which the node at `host` gave: a list of first slot, last slot and
    /// the primary's address, and more.
    pub(super) fn parse(answer: &Value, host: &str) -> Option<Self> {
        let mut slots = Self::default();
        for range in array(answer)? {
            let [first, last, primary, ..] = array(range)? else {
                return None;
            };
            let [name, port, ..] = array(primary)? else {
                return None;
            };
            let name = match name {
                Value::BulkString(name) => String::from_utf8_lossy(name).into_owned(),
                Value::SimpleString(name) => name.clone(),
                _ => String::new(),
            };
            let address = match name.as_str() {
                // It does not know.
                "?" => continue,
                "" => (host.to_owned(), number(port)?),
                _ => (name, number(port)?),
            };
            for slot in number(first)?..=number(last)?.min(SLOTS - 1) {
                slots.set(slot, address.clone());
            }
        }
        Some(slots)
    }

    /// A slot's new owner.
    pub(super) fn set(&mut self, slot: u16, owner: Address) {
        let known = self.addresses.iter().position(|address| *address == owner);
        let place = known.unwrap_or_else(|| {
            self.addresses.push(owner);
            self.addresses.len() - 1
        });
        self.owners.resize(SLOTS.into(), None);
        if let Some(slot) = self.owners.get_mut(usize::from(slot)) {
            *slot = u16::try_from(place).ok();
        }
    }

    pub(super) fn owner(&self, slot: u16) -> Option<&Address> {
        let place = (*self.owners.get(usize::from(slot))?)?;
        self.addresses.get(usize::from(place))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.addresses.is_empty()
    }

    /// Each node that has slots.
    pub(super) fn owners(&self) -> impl Iterator<Item = Address> {
        self.addresses.clone().into_iter()
    }

    /// A slot of the node's.
    pub(super) fn first_of(&self, owner: &Address) -> Option<u16> {
        let place = self.addresses.iter().position(|address| address == owner)?;
        let place = u16::try_from(place).ok();
        let first = self.owners.iter().position(|owner| *owner == place)?;
        u16::try_from(first).ok()
    }

    /// How many slots no node has.
    pub(super) fn unowned(&self) -> usize {
        self.owners.iter().filter(|owner| owner.is_none()).count()
    }
}

fn array(value: &Value) -> Option<&[Value]> {
    match value {
        Value::Array(items) => Some(items),
        _ => None,
    }
}

fn number(value: &Value) -> Option<u16> {
    match value {
        Value::Int(number) => u16::try_from(*number).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_of_keys_are_rediss() {
        // redis-cli CLUSTER KEYSLOT
        for (key, expected) in [
            ("123456789", 0x31c3),
            ("foo", 12182),
            ("x{foo}y{bar}", 12182),
            ("", 0),
        ] {
            assert_eq!(slot(key.as_bytes()), expected, "{key}");
        }
        // Nothing between the braces: all of the key counts.
        assert_ne!(slot(b"{}foo"), slot(b"foo"));
    }

    #[test]
    fn the_answer_to_cluster_slots_is_read() {
        let text = |text: &str| Value::BulkString(text.as_bytes().to_vec());
        let node = |name: Value, port| Value::Array(vec![name, Value::Int(port), text("id")]);
        let range =
            |first, last, node| Value::Array(vec![Value::Int(first), Value::Int(last), node]);
        let answer = Value::Array(vec![
            range(0, 99, node(text("a"), 1)),
            range(100, 16_000, node(Value::Nil, 2)),
            range(16_001, 16_001, node(text("?"), 3)),
        ]);
        let mut slots = Slots::parse(&answer, "me").unwrap();
        let owner = |slots: &Slots, slot| slots.owner(slot).cloned();
        let (a, me) = (("a".to_owned(), 1), ("me".to_owned(), 2));
        assert_eq!(owner(&slots, 99), Some(a.clone()));
        assert_eq!(owner(&slots, 16_000), Some(me.clone()));
        assert_eq!([owner(&slots, 16_001), owner(&slots, 16_383)], [None, None]);
        assert_eq!(slots.first_of(&me), Some(100));
        assert_eq!(slots.unowned(), 383);
        slots.set(99, me.clone());
        assert_eq!(owner(&slots, 99), Some(me));
        assert!(Slots::parse(&Value::Okay, "me").is_none());
    }
}
