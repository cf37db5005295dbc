use super::*;

const UUID: &str = "5f0c61d2-a97b-4589-8d0e-0123456789ab";

fn base() -> PathBuf {
    "/mnt/data2".into()
}

fn empty() -> DeviceFacts {
    DeviceFacts {
        device: "/dev/sdb".into(),
        bytes: 1 << 30,
        blank: true,
        ..DeviceFacts::default()
    }
}

fn on(device: &DeviceFacts, place: Place, table: &str) -> Result<Vec<&'static str>, VolumeProblem> {
    let steps = steps(&base(), device, place, table, UUID)?;
    Ok(steps
        .iter()
        .map(|step| match step {
            VolumeStep::Format { .. } => "format",
            VolumeStep::Mount { .. } => "mount",
            VolumeStep::Table { .. } => "table",
        })
        .collect())
}

fn signature(kind: &str, label: Option<&str>) -> Signature {
    Signature {
        kind: kind.into(),
        label: label.map(str::to_owned),
        uuid: Some(UUID.into()),
    }
}

#[test]
fn a_run_that_died_anywhere_is_continued() {
    let label = label_for(&base());
    assert!(label.len() <= 16);
    let table = match &steps(&base(), &empty(), Place::Free, "", UUID).unwrap()[2] {
        VolumeStep::Table { after, .. } => after.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        on(&empty(), Place::Free, "").unwrap(),
        ["format", "mount", "table"]
    );
    let made = DeviceFacts {
        signature: Some(signature("ext4", Some(&label))),
        blank: false,
        ..empty()
    };
    assert_eq!(on(&made, Place::Free, "").unwrap(), ["mount", "table"]);
    let mounted = DeviceFacts {
        mounted_at: vec![base()],
        busy: Some("it is mounted".into()),
        ..made.clone()
    };
    assert_eq!(on(&mounted, Place::Mounted, "").unwrap(), ["table"]);
    assert_eq!(on(&mounted, Place::Mounted, &table).unwrap(), [""; 0]);
    // the options with which it is mounted are those of the next boot
    let VolumeStep::Table {
        after, with_quotas, ..
    } = &steps(&base(), &mounted, Place::Mounted, "", UUID).unwrap()[0]
    else {
        panic!("expected the table")
    };
    let option = ",prjquota 0 2\n";
    assert!(with_quotas.ends_with(option) && !after.contains("prjquota"));
    assert_eq!(on(&mounted, Place::Mounted, with_quotas).unwrap(), [""; 0]);
    // after a reboot without it
    assert_eq!(on(&made, Place::Free, &table).unwrap(), ["mount"]);
}

#[test]
fn what_holds_anything_is_never_formatted() {
    let label = label_for(&base());
    let other = label_for(Path::new("/mnt/other"));
    for (kind, label) in [
        ("ext4", None),
        ("ext4", Some(other.as_str())),
        ("xfs", Some(label.as_str())),
        ("gpt", None),
        ("crypto_LUKS", None),
    ] {
        let device = DeviceFacts {
            signature: Some(signature(kind, label)),
            ..empty()
        };
        let refused = on(&device, Place::Free, "").unwrap_err();
        assert!(
            matches!(refused, VolumeProblem::NotEmpty { .. }),
            "{refused}"
        );
        assert!(refused.to_string().contains(kind), "{refused}");
    }
    for device in [
        DeviceFacts {
            blank: false,
            ..empty()
        },
        DeviceFacts {
            busy: Some("it is swap".into()),
            ..empty()
        },
        DeviceFacts {
            mounted_at: vec!["/mnt/other".into()],
            ..empty()
        },
        DeviceFacts {
            bytes: 1 << 20,
            ..empty()
        },
    ] {
        assert!(on(&device, Place::Free, "").is_err(), "{device:?}");
    }
    for place in [Place::Filled, Place::Mounted] {
        assert!(on(&empty(), place, "").is_err());
    }
}

#[test]
fn a_table_gets_one_line_more_and_keeps_every_other_byte() {
    let entry = FstabEntry::new(UUID, Path::new("/mnt/with space"));
    for table in [
        "",
        "# none\n",
        "UUID=1 / ext4 defaults 0 1",
        "\t/dev/sda1  /boot\text4 \n\n#x",
    ] {
        let after = with_entry(table, &entry)
            .unwrap()
            .expect("it was not there");
        assert!(after.starts_with(table), "{after}");
        assert!(after.contains("# aiplat: the volume of the stack in /mnt/with\\040space\n"));
        assert!(
            after.contains("/mnt/with\\040space ext4 defaults,nofail,"),
            "{after}"
        );
        assert_eq!(with_entry(&after, &entry), Ok(None), "a second time");
    }
}

#[test]
fn a_line_of_somebody_else_is_not_written_over() {
    let entry = FstabEntry::new(UUID, &base());
    let taken = with_entry("/dev/sdc /mnt/data2 xfs defaults 0 0\n", &entry);
    assert!(matches!(
        taken,
        Err(FstabProblem::PlaceTaken { line: 1, .. })
    ));
    let elsewhere = with_entry(&format!("#\nUUID=\"{UUID}\" /srv ext4\n"), &entry);
    assert_eq!(elsewhere, Err(FstabProblem::VolumeTaken { line: 2 }));
    let comment = with_entry("# /dev/sdc /mnt/data2 xfs\n", &entry);
    assert!(comment.unwrap().is_some());
}
