//! One archive on its way to a bucket, in parts that fit into memory.

use std::io::{self, Write};

use rusty_s3::S3Action;
use rusty_s3::actions::{CompleteMultipartUploadResponse, CreateMultipartUpload};

use super::{S3, SIGNED};
use crate::target::{Sink, TargetError};

/// The first parts' size in bytes. An archive below that is one request.
const PART: usize = 16 * 1024 * 1024;
/// After so many parts, parts become twice as large: S3 takes 10 000 of them, which are then 992 GiB.
const DOUBLE: usize = 2_000;
const MOST: usize = 10_000;

pub(super) struct Upload {
    s3: S3,
    name: String,
    key: String,
    id: Option<String>,
    tags: Vec<String>,
    buffer: Vec<u8>,
    written: u64,
}

impl Upload {
    pub(super) fn new(s3: S3, name: String) -> Self {
        Self {
            key: s3.key(&name),
            s3,
            name,
            id: None,
            tags: Vec::new(),
            buffer: Vec::new(),
            written: 0,
        }
    }

    fn what(&self) -> String {
        format!("write `{}`", self.name)
    }

    fn begun(&mut self) -> Result<String, TargetError> {
        if let Some(id) = &self.id {
            return Ok(id.clone());
        }
        let action = self
            .s3
            .bucket
            .create_multipart_upload(Some(&self.s3.credentials), &self.key);
        let text = self
            .s3
            .http
            .post(action.sign(SIGNED).as_str(), "", &self.what())?;
        let created = CreateMultipartUpload::parse_response(&text)
            .map_err(|_| self.s3.http.no_s3(&self.what()))?;
        let id = created.upload_id().to_owned();
        self.id = Some(id.clone());
        Ok(id)
    }

    fn part(&mut self) -> Result<(), TargetError> {
        let id = self.begun()?;
        let number = self.tags.len() + 1;
        if number > MOST {
            return Err(TargetError::Size {
                name: self.name.clone(),
                expected: self.written,
                found: self.written - self.buffer.len() as u64,
            });
        }
        let action = self.s3.bucket.upload_part(
            Some(&self.s3.credentials),
            &self.key,
            u16::try_from(number).unwrap_or(u16::MAX),
            &id,
        );
        let url = action.sign(SIGNED);
        let tag = self.s3.http.put(url.as_str(), &self.buffer, &self.what())?;
        self.tags.push(tag);
        self.buffer.clear();
        Ok(())
    }

    fn complete(&mut self) -> Result<(), TargetError> {
        let Some(id) = self.id.clone() else {
            let put = self
                .s3
                .bucket
                .put_object(Some(&self.s3.credentials), &self.key);
            let url = put.sign(SIGNED);
            self.s3.http.put(url.as_str(), &self.buffer, &self.what())?;
            return Ok(());
        };
        if !self.buffer.is_empty() {
            self.part()?;
        }
        let tags = self.tags.iter().map(String::as_str);
        let action = self.s3.bucket.complete_multipart_upload(
            Some(&self.s3.credentials),
            &self.key,
            &id,
            tags,
        );
        let url = action.sign(SIGNED);
        let text = self
            .s3
            .http
            .post(url.as_str(), &action.body(), &self.what())?;
        // it may answer 200 and then say that it failed
        CompleteMultipartUploadResponse::parse(&text)
            .map_err(|_| self.s3.http.no_s3(&self.what()))?;
        self.id = None;
        Ok(())
    }
}

impl Write for Upload {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let size = PART << (self.tags.len() / DOUBLE);
        let count = buf.len().min(size - self.buffer.len());
        self.buffer.extend_from_slice(&buf[..count]);
        self.written += count as u64;
        if self.buffer.len() == size {
            self.part().map_err(io::Error::other)?;
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink for Upload {
    fn commit(mut self: Box<Self>) -> Result<(), TargetError> {
        self.complete()?;
        let found = self.s3.size(&self.name)?.unwrap_or(0);
        if found == self.written {
            return Ok(());
        }
        self.s3.delete(&self.name)?;
        Err(TargetError::Size {
            name: self.name.clone(),
            expected: self.written,
            found,
        })
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if let Some(id) = &self.id {
            // what cannot be ended now is swept by the next run
            let _ = self.s3.abort(&self.key, id);
        }
    }
}
