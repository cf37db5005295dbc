//! The smallest program there is, for what is dropped, copied and run: 132 bytes that exit with 0.

/// A 64-bit ELF program of one segment whose code is `exit(0)`.
#[cfg(target_arch = "x86_64")]
pub(crate) const PROGRAM: [u8; 132] = program();

const fn program() -> [u8; 132] {
    let mut bytes = [0; 132];
    // ELF header: class 64, little endian, executable, x86-64, entry 0x400078, one program header
    put(&mut bytes, 0, b"\x7fELF\x02\x01\x01");
    put(&mut bytes, 16, &[2, 0, 62, 0, 1, 0, 0, 0, 0x78, 0, 0x40]);
    put(&mut bytes, 32, &[64]);
    put(&mut bytes, 52, &[64, 0, 56, 0, 1]);
    // program header: load, readable and executable, the whole file at 0x400000
    put(&mut bytes, 64, &[1, 0, 0, 0, 5]);
    put(&mut bytes, 82, &[0x40]);
    put(&mut bytes, 90, &[0x40]);
    put(&mut bytes, 96, &[132]);
    put(&mut bytes, 104, &[132]);
    put(&mut bytes, 113, &[0x10]);
    // mov eax, 60 (exit); xor edi, edi; syscall
    put(
        &mut bytes,
        120,
        &[0xb8, 60, 0, 0, 0, 0x31, 0xff, 0x0f, 0x05],
    );
    bytes
}

const fn put(bytes: &mut [u8; 132], at: usize, what: &[u8]) {
    let mut i = 0;
    while i < what.len() {
        bytes[at + i] = what[i];
        i += 1;
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::process::Command;

    #[test]
    fn it_runs() {
        let path = std::env::temp_dir().join(format!("aiplat-tiny-{}", std::process::id()));
        fs::write(&path, super::PROGRAM).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        let status = Command::new(&path).status();
        fs::remove_file(&path).unwrap();
        assert!(status.unwrap().success());
    }
}
