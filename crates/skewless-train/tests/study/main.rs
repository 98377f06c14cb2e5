//! Studies on small tables made here and on the committed small models: what wins, what is refused, what never moves.

#![allow(clippy::unwrap_used, reason = "tests")]

mod gates;
mod leaks;
mod networks;
mod outcomes;
mod project;
mod quantiles;
mod reference;
mod runs;
mod sources;
