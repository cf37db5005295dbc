//! Redis' own greeting: AUTH, then PING.

use std::net::SocketAddr;

use super::Outcome;
use crate::resp::{Connection, Reply};

/// Whether the server lets us in with the password and answers PONG.
pub(super) async fn ready(to: SocketAddr, password: &str) -> Outcome {
    match greet(to, password).await {
        Ok(outcome) => outcome,
        Err(error) => Outcome::NotYet(format!("port {}: {error}", to.port())),
    }
}

async fn greet(to: SocketAddr, password: &str) -> std::io::Result<Outcome> {
    let mut server = Connection::open(to).await?;
    if !password.is_empty() {
        let login = said(&mut server, &["AUTH", password], "OK").await?;
        if login != Outcome::Ready {
            return Ok(login);
        }
    }
    said(&mut server, &["PING"], "PONG").await
}

async fn said(server: &mut Connection, words: &[&str], wanted: &str) -> std::io::Result<Outcome> {
    Ok(match server.ask(words).await? {
        Reply::Text(said) if said == wanted => Outcome::Ready,
        said => Outcome::NotYet(format!("{} was answered `{said}`", words[0])),
    })
}

/// The server's answer to AUTH.
pub(crate) async fn auth(to: SocketAddr, password: &str) -> std::io::Result<Reply> {
    Connection::open(to).await?.ask(&["AUTH", password]).await
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// A server that gives these answers, one to each request; with what it was sent in the end.
    async fn server(
        answers: &'static [&'static str],
    ) -> (SocketAddr, tokio::task::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let to = listener.local_addr().unwrap();
        let served = tokio::spawn(async move {
            let (mut client, _) = listener.accept().await.unwrap();
            let mut heard = String::new();
            for answer in answers {
                let mut bytes = [0; 512];
                let read = client.read(&mut bytes).await.unwrap();
                heard += std::str::from_utf8(&bytes[..read]).unwrap();
                client.write_all(answer.as_bytes()).await.unwrap();
            }
            // until the other side has nothing more to say
            client.read_to_string(&mut heard).await.unwrap();
            heard
        });
        (to, served)
    }

    #[tokio::test]
    async fn one_that_takes_the_password_and_answers_is_ready() {
        let (to, served) = server(&["+OK\r\n", "+PONG\r\n"]).await;
        assert_eq!(ready(to, "hunter22").await, Outcome::Ready);
        assert_eq!(
            served.await.unwrap(),
            "*2\r\n$4\r\nAUTH\r\n$8\r\nhunter22\r\n*1\r\n$4\r\nPING\r\n"
        );
        let (to, served) = server(&["+PONG\r\n"]).await;
        assert_eq!(ready(to, "").await, Outcome::Ready);
        assert_eq!(served.await.unwrap(), "*1\r\n$4\r\nPING\r\n");
    }

    #[tokio::test]
    async fn one_that_refuses_the_password_is_not_asked_further() {
        let (to, served) = server(&["-WRONGPASS invalid username-password pair\r\n"]).await;
        let Outcome::NotYet(words) = ready(to, "hunter22").await else {
            panic!("expected a refusal");
        };
        assert!(
            words.contains("AUTH") && words.contains("WRONGPASS"),
            "{words}"
        );
        assert!(!words.contains("hunter22"), "{words}");
        assert!(!served.await.unwrap().contains("PING"));
    }

    #[tokio::test]
    async fn one_that_still_loads_its_data_or_hangs_up_is_not_ready() {
        let (to, _) = server(&["+OK\r\n", "-LOADING Redis is loading the dataset\r\n"]).await;
        let Outcome::NotYet(words) = ready(to, "hunter22").await else {
            panic!("expected no readiness");
        };
        assert!(words.contains("LOADING"), "{words}");
        let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let to = gone.local_addr().unwrap();
        tokio::spawn(async move { drop(gone.accept().await) });
        assert!(matches!(ready(to, "").await, Outcome::NotYet(_)));
    }
}
