//! The terminal of whoever runs the command, lent to a program in a container.

use std::io::Read;

use aiplat_docker::engine::TerminalSize;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use tokio::sync::mpsc;

/// Bytes that are read of the input at once.
const PIECE: usize = 16 * 1024;

/// Standard input without any meaning of its own for keys; as it was once this is dropped.
pub(crate) struct Raw(Termios);

impl Raw {
    /// Takes the terminal over; `None` where standard input is none.
    pub(crate) fn take() -> Option<Self> {
        let stdin = std::io::stdin();
        let before = tcgetattr(&stdin).ok()?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(&stdin, OptionalActions::Now, &raw).ok()?;
        Some(Self(before))
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // nothing can be done about a terminal that went away
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, &self.0);
    }
}

/// The size of the terminal that output goes to.
pub(crate) fn size() -> Option<TerminalSize> {
    let size = tcgetwinsize(std::io::stdout()).ok()?;
    Some(TerminalSize {
        rows: size.ws_row,
        columns: size.ws_col,
    })
}

/// Standard input, piece by piece, to its end. Read by a thread of its own: a read cannot be given up, and the process
/// must be able to end while nobody types.
pub(crate) fn input() -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel(4);
    std::thread::spawn(move || {
        let mut stdin = std::io::stdin().lock();
        let mut piece = vec![0; PIECE];
        while let Ok(read) = stdin.read(&mut piece) {
            if read == 0 || sender.blocking_send(piece[..read].to_vec()).is_err() {
                return;
            }
        }
    });
    receiver
}
