//! Stand-ins: one static program that answers in place of services whose images no registry
//! carries here.
//!
//! It keeps to that part of each image's contract which a deployment relies on: ports, health
//! paths, data folders that have to be writable, secrets read from files, keys that are enforced,
//! and the ways in which the real images refuse to start. It does none of the real work and says
//! so: every answer carries the header `X-Aiplat-Stand-In`, and the front page is a notice.
//!
//! ```
//! use aiplat_standin::{http::Request, services, world::World};
//!
//! let root = std::env::temp_dir().join("aiplat-standin-example");
//! let world = World::new(&root).with("AUTH_TOKEN", "a-password").with("STANDIN_READY_AFTER_MS", "0");
//! let row = services::find("anythingllm").expect("a row of the table");
//! let opened = (row.open)(&world).expect("its folder can be written");
//! let answer = opened.listeners[0].service.answer(&Request::get("/api/ping"));
//! assert_eq!(answer.status, 200);
//! # std::fs::remove_dir_all(root).ok();
//! ```

pub mod client;
pub mod hog;
pub mod http;
pub mod lookalike;
pub mod peers;
pub mod serve;
pub mod services;
pub mod sigv4;
pub mod store;
pub mod websocket;
pub mod wiring;
pub mod world;
pub mod yaml;
