//! Part of aiplat.
