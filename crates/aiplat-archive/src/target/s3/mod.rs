//! Archives in a bucket, at any address that speaks S3.

use std::io::Read;
use std::time::Duration;

use rusty_s3::actions::ListObjectsV2;
use rusty_s3::{Bucket, Credentials, S3Action, UrlStyle};
use secrecy::{ExposeSecret, SecretString};

use super::error::TargetError;
use super::sized::Sized;
use super::{Sink, is_partial_of, partial};
use crate::name::ArchiveName;

use http::Http;
use upload::Upload;

mod http;
mod upload;
mod xml;

const ADDRESS: &str = "an address such as `s3://bucket/folder`";

/// How long a signed address is good for: as long as one request may take to begin.
const SIGNED: Duration = Duration::from_secs(900);

/// Where a bucket is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3Place {
    /// The server, such as `https://s3.example.org`.
    pub endpoint: String,
    /// The region, such as `eu-central-1`; most servers of one's own take any.
    pub region: String,
    /// The bucket.
    pub bucket: String,
    /// The folder in it, without `/` at its ends; empty for none.
    pub prefix: String,
    /// Whether the bucket is a part of the host's name instead of the path.
    pub virtual_host: bool,
    /// Certificates (PEM) to trust instead of the host's.
    pub authorities: Option<String>,
}

/// What opens a bucket.
#[derive(Debug, Clone)]
pub struct S3Keys {
    /// The access key's id.
    pub access: String,
    /// The secret key.
    pub secret: SecretString,
    /// A session's token, where keys are for a session.
    pub token: Option<SecretString>,
}

impl S3Place {
    /// Reads `s3://bucket/folder`; the rest is given apart.
    pub fn parse(address: &str, endpoint: &str, region: &str) -> Result<Self, TargetError> {
        let wrong = |expected, found: &str| TargetError::Address {
            expected,
            found: found.to_owned(),
        };
        let rest = address
            .strip_prefix("s3://")
            .ok_or_else(|| wrong(ADDRESS, address))?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let prefix = prefix.trim_matches('/');
        let named = (3..=63).contains(&bucket.len())
            && bucket
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-_".contains(&b));
        let plain = prefix.len() <= 512
            && (prefix.is_empty()
                || prefix
                    .split('/')
                    .all(|name| !matches!(name, "" | "." | "..")))
            && !prefix.contains(|c: char| c.is_control() || "?#\\".contains(c));
        if !named || !plain {
            return Err(wrong(ADDRESS, address));
        }
        Ok(Self {
            endpoint: endpoint.to_owned(),
            region: region.to_owned(),
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
            virtual_host: false,
            authorities: None,
        })
    }
}

/// A folder of a bucket.
#[derive(Debug, Clone)]
pub struct S3 {
    bucket: Bucket,
    credentials: Credentials,
    prefix: String,
    place: String,
    http: Http,
}

impl S3 {
    pub(super) fn new(place: &S3Place, keys: &S3Keys) -> Result<Self, TargetError> {
        let style = if place.virtual_host {
            UrlStyle::VirtualHost
        } else {
            UrlStyle::Path
        };
        let wrong = || TargetError::Address {
            expected: "a server's address such as `https://s3.example.org`",
            // somebody may have put a password into it
            found: place
                .endpoint
                .rsplit_once('@')
                .map_or(&*place.endpoint, |(_, host)| host)
                .to_owned(),
        };
        let url = place.endpoint.parse().map_err(|_| wrong())?;
        let bucket = Bucket::new(url, style, place.bucket.clone(), place.region.clone())
            .map_err(|_| wrong())?;
        let secret = keys.secret.expose_secret();
        let credentials = match &keys.token {
            Some(token) => {
                Credentials::new_with_token(&*keys.access, secret, token.expose_secret())
            }
            None => Credentials::new(&*keys.access, secret),
        };
        let prefix = match &*place.prefix {
            "" => String::new(),
            folder => format!("{folder}/"),
        };
        let shown = format!("s3://{}/{}", place.bucket, place.prefix);
        Ok(Self {
            bucket,
            credentials,
            prefix,
            http: Http::new(place.authorities.as_deref(), &shown)?,
            place: shown,
        })
    }

    pub(super) fn place(&self) -> &str {
        &self.place
    }

    /// Writes and deletes something small.
    pub(super) fn ready(&self) -> Result<(), TargetError> {
        const TRIAL: &str = ".aiplat-trial";
        self.replace(TRIAL, b"may be deleted\n")?;
        self.delete(TRIAL)
    }

    fn key(&self, file: &str) -> String {
        format!("{}{file}", self.prefix)
    }

    pub(super) fn begin(&self, name: &ArchiveName) -> Result<Box<dyn Sink>, TargetError> {
        let name = name.to_string();
        if self.size(&name)?.is_some() {
            return Err(TargetError::Exists {
                name,
                place: self.place.clone(),
            });
        }
        Ok(Box::new(Upload::new(self.clone(), name)))
    }

    /// The size of an object; `None` when there is none.
    fn size(&self, file: &str) -> Result<Option<u64>, TargetError> {
        let key = self.key(file);
        let url = self
            .bucket
            .head_object(Some(&self.credentials), &key)
            .sign(SIGNED);
        self.http.size(url.as_str(), &format!("look for `{file}`"))
    }

    pub(super) fn open(&self, file: &str) -> Result<Box<dyn Read + Send>, TargetError> {
        match self.get(file)? {
            Some((body, size)) => Ok(Box::new(Sized::new(body, file, size))),
            None => Err(TargetError::Missing {
                name: file.to_owned(),
                place: self.place.clone(),
            }),
        }
    }

    fn get(&self, file: &str) -> Result<Option<(impl Read + Send + use<>, u64)>, TargetError> {
        let key = self.key(file);
        let url = self
            .bucket
            .get_object(Some(&self.credentials), &key)
            .sign(SIGNED);
        self.http.get(url.as_str(), &format!("read `{file}`"))
    }

    pub(super) fn small(&self, file: &str) -> Result<Option<Vec<u8>>, TargetError> {
        let Some((body, size)) = self.get(file)? else {
            return Ok(None);
        };
        let mut bytes = Vec::new();
        Sized::new(body, file, size)
            .take(super::SMALL)
            .read_to_end(&mut bytes)
            .map_err(|e| TargetError::of(e, self.place.clone()))?;
        Ok(Some(bytes))
    }

    pub(super) fn replace(&self, file: &str, content: &[u8]) -> Result<(), TargetError> {
        let key = self.key(file);
        let url = self
            .bucket
            .put_object(Some(&self.credentials), &key)
            .sign(SIGNED);
        self.http
            .put(url.as_str(), content, &format!("write `{file}`"))?;
        Ok(())
    }

    pub(super) fn delete(&self, file: &str) -> Result<(), TargetError> {
        let key = self.key(file);
        let url = self
            .bucket
            .delete_object(Some(&self.credentials), &key)
            .sign(SIGNED);
        self.http.delete(url.as_str(), &format!("delete `{file}`"))
    }

    /// Objects right in the folder and their sizes.
    pub(super) fn files(&self) -> Result<Vec<(String, u64)>, TargetError> {
        const WHAT: &str = "list the archives";
        let mut files = Vec::new();
        let mut next: Option<String> = None;
        loop {
            let mut list = self.bucket.list_objects_v2(Some(&self.credentials));
            list.with_prefix(self.prefix.as_str());
            list.with_delimiter("/");
            if let Some(token) = &next {
                list.with_continuation_token(token.as_str());
            }
            let text = self.http.text(list.sign(SIGNED).as_str(), WHAT)?;
            let page = ListObjectsV2::parse_response(&text).map_err(|_| self.http.no_s3(WHAT))?;
            for object in page.contents {
                let file = object.key.strip_prefix(&self.prefix);
                let file = file.filter(|file| !file.is_empty() && !file.contains('/'));
                files.extend(file.map(|f| (f.to_owned(), object.size.unwrap_or(0))));
            }
            match page.next_continuation_token {
                // a server that gives the same page for ever is not listened to
                Some(token) if Some(&token) != next.as_ref() => next = Some(token),
                _ => return Ok(files),
            }
        }
    }

    /// Ends uploads of this stack that nobody finished.
    pub(super) fn sweep(&self, stack: &str) -> Result<usize, TargetError> {
        const WHAT: &str = "look for unfinished uploads";
        let mut list = self.bucket.list_objects_v2(Some(&self.credentials));
        list.query_mut().remove("list-type");
        list.query_mut().insert("uploads", "");
        list.with_prefix(self.prefix.as_str());
        let text = self.http.text(list.sign(SIGNED).as_str(), WHAT)?;
        let mut swept = 0;
        for (key, id) in xml::uploads(&text) {
            let ours = key
                .strip_prefix(&self.prefix)
                .is_some_and(|file| is_partial_of(stack, &partial(file)));
            if ours {
                self.abort(&key, &id)?;
                swept += 1;
            }
        }
        Ok(swept)
    }

    fn abort(&self, key: &str, id: &str) -> Result<(), TargetError> {
        let url = self
            .bucket
            .abort_multipart_upload(Some(&self.credentials), key, id)
            .sign(SIGNED);
        self.http.delete(url.as_str(), "end an unfinished upload")
    }
}
