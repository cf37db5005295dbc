//! What is new in a specification, in words: for a container that was made from another one.

use crate::observed::{ObservedContainer, familiar};
use crate::spec::{ContainerSpec, label};

/// Characters of an image's id that tell it from others.
const ID_SHOWN: usize = "sha256:".len() + 12;

/// The sections in which `current` was made otherwise than `spec`, the image with both references. Where its label does not
/// tell, since an earlier version made it, the image alone is known to be another.
pub(super) fn changed(current: &ObservedContainer, spec: &ContainerSpec) -> String {
    let worn = current.label(label::SPEC_SECTIONS);
    let mut sections = worn.map_or_else(Default::default, |worn| spec.sections_unlike(worn));
    let other_image = match worn {
        Some(_) => sections.remove("image"),
        // an engine lists an image by its id once its tag is another's
        None => {
            !current.image.starts_with("sha256:")
                && familiar(&current.image) != familiar(&spec.image)
        }
    };
    let image = other_image.then(|| {
        let was = match current.image.as_str() {
            id if id.starts_with("sha256:") => id.get(..ID_SHOWN).unwrap_or(id),
            reference => reference,
        };
        format!("image `{was}` -> `{}`", spec.image)
    });
    let all: Vec<String> = image
        .into_iter()
        .chain(sections.into_iter().map(str::to_owned))
        .collect();
    if all.is_empty() {
        "its specification changed".to_owned()
    } else {
        format!("its specification changed: {}", all.join(", "))
    }
}
