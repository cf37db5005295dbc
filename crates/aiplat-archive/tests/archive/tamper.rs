//! Any byte changed, any end missing: refused.

use aiplat_archive::{ArchiveError, Key, Seal};

use crate::support::{Bed, me, picture, recipient};

fn kinds() -> Vec<(&'static str, Seal, Key)> {
    let (seal, key) = recipient();
    vec![
        ("recipients", seal, key),
        ("unencrypted", Seal::Unencrypted, Key::Unencrypted),
    ]
}

/// An archive with some compressible and some other content, of a few hundred kilobytes.
fn archive(bed: &Bed, seal: &Seal) -> Vec<u8> {
    let root = bed.fresh("tree");
    let mut state = 1_u32;
    let mut noise = |count: usize| -> Vec<u8> {
        (0..count)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            })
            .collect()
    };
    std::fs::write(root.join("noise"), noise(200_000)).unwrap();
    std::fs::write(root.join("text"), "select 1;\n".repeat(9_000)).unwrap();
    bed.archive(seal, &root);
    std::fs::read(bed.file()).unwrap()
}

#[test]
fn a_flipped_bit_anywhere_is_refused() {
    for (kind, seal, key) in kinds() {
        let bed = Bed::new();
        let whole = archive(&bed, &seal);
        let ends = (0..260).chain(whole.len() - 100..whole.len());
        let inner = (260..whole.len() - 100).step_by(9_973);
        for offset in ends.chain(inner) {
            let mut changed = whole.clone();
            changed[offset] ^= 1 << (offset % 8);
            std::fs::write(bed.file(), &changed).unwrap();
            let refused = bed.verify(&key);
            assert!(refused.is_err(), "{kind}: byte {offset} of {}", whole.len());
        }
        std::fs::write(bed.file(), &whole).unwrap();
        bed.verify(&key).unwrap();
    }
}

#[test]
fn a_missing_end_is_said_and_nothing_is_left_unpacked() {
    for (kind, seal, key) in kinds() {
        let bed = Bed::new();
        let whole = archive(&bed, &seal);
        let into = bed.fresh("into");
        let few = (0..40).chain((40..whole.len()).step_by(29_989));
        let last = whole.len() - 60..whole.len();
        for length in few.chain(last) {
            std::fs::write(bed.file(), &whole[..length]).unwrap();
            let error = bed
                .open(&key)
                .and_then(|r| r.extract(&into, &me))
                .unwrap_err();
            // before the first words of an age file are there, it could be anything
            let early = length < 20;
            assert!(
                early || matches!(error, ArchiveError::Truncated { read } if read == length as u64),
                "{kind}: {length} of {}: {error}",
                whole.len()
            );
            assert_eq!(picture(&into).len(), 1, "{kind}: {length}");
        }
    }
}

#[test]
fn something_behind_the_end_is_refused() {
    for (kind, seal, key) in kinds() {
        let bed = Bed::new();
        let whole = archive(&bed, &seal);
        for more in [&b"\0"[..], b"more", &whole] {
            std::fs::write(bed.file(), [&whole, more].concat()).unwrap();
            assert!(
                bed.verify(&key).is_err(),
                "{kind}: {} more bytes",
                more.len()
            );
        }
    }
}
