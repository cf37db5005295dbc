//! Ports, subnets and users: a preference is derived, checked against everything that is in use, and reserved.

mod register;

pub use register::{Register, Reservation, ReservedPort};
