//! Ollama's paths in front of a real language model: generation is forwarded to llama.cpp's server
//! in the same container. Embeddings are hashed words, 768 numbers, and say that they are a
//! stand-in.

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::Row;
use crate::client::{Answer, Ask};
use crate::http::{Request, Response};
use crate::serve::{Listener, Opened};
use crate::world::{Refusal, World};

/// The row.
pub const ROW: Row = Row {
    name: "ollama",
    image: &["EXPOSE 11434", "ENV OLLAMA_HOST=0.0.0.0:11434"],
    open,
};

/// The model that generates.
const MODEL: &str = "smollm2:135m";
/// The model that embeds.
const EMBEDDER: &str = "nomic-embed-text";
/// Its dimensions, as the real one of that name has.
const DIMENSIONS: usize = 768;
/// Where llama.cpp's server listens inside the container.
const BACKEND: &str = "127.0.0.1:11435";
/// Words in one answer at most, unless asked for fewer: the machine is small.
const MOST_TOKENS: u64 = 256;

struct Ollama {
    backend: Option<String>,
}

fn open(world: &World) -> Result<Opened, Refusal> {
    let home = world
        .home()
        .map_err(|_| Refusal::new("panic: $HOME is not defined"))?;
    let folder = world
        .writable(&format!("{}/.ollama", home.trim_end_matches('/')))
        .map_err(|refusal| {
            Refusal::new(format!(
                "Error: could not create directory mkdir /.ollama: permission denied ({refusal})"
            ))
        })?;
    let key = folder.join("id_ed25519");
    if !key.exists() {
        std::fs::write(&key, "a stand-in has no key\n")
            .map_err(|error| Refusal::new(format!("Error: cannot write the key: {error}")))?;
    }
    if let Some(models) = world.get("OLLAMA_MODELS") {
        world.writable(models)?;
    }
    let (backend, child) = match (
        world.get("STANDIN_MODEL_URL"),
        world.get("STANDIN_LLAMA_SERVER"),
    ) {
        (Some(url), _) => (Some(url.trim_end_matches('/').to_owned()), None),
        (None, Some(program)) => (
            Some(format!("http://{BACKEND}")),
            Some(start(world, program)?),
        ),
        (None, None) => (None, None),
    };
    let ollama = Ollama { backend };
    let answer = move |request: &Request| ollama.answer(request);
    let address = world.get("OLLAMA_HOST").unwrap_or("127.0.0.1:11434");
    let address = address.trim_start_matches("http://").trim_end_matches('/');
    let address = if address.contains(':') {
        address.to_owned()
    } else {
        format!("{address}:11434")
    };
    Ok(Opened {
        listeners: vec![Listener::at(&address, Arc::new(answer))],
        child,
    })
}

fn start(world: &World, program: &str) -> Result<Child, Refusal> {
    let model = world
        .get("STANDIN_MODEL")
        .unwrap_or("/models/smollm2-135m.gguf");
    let (host, port) = BACKEND.split_once(':').expect("the constant has a port");
    Command::new(program)
        .args([
            "-m", model, "--host", host, "--port", port, "--alias", MODEL,
        ])
        .args([
            "-c",
            world.get("OLLAMA_CONTEXT_LENGTH").unwrap_or("2048"),
            "-np",
            "1",
            "--no-webui",
            "--offline",
        ])
        // one thread that does not spin: on a busy machine two of them wait for each other and are
        // twenty times slower; plain ChatML and no chance make the most of so small a model
        .args([
            "-t",
            "1",
            "-tb",
            "1",
            "--poll",
            "0",
            "--temp",
            "0",
            "--no-jinja",
        ])
        .args(["--chat-template", "chatml"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| Refusal::new(format!("cannot start `{program}`: {error}")))
}

impl Ollama {
    fn answer(&self, request: &Request) -> Response {
        let body = request.json();
        match (request.method.as_str(), request.path.as_str()) {
            ("GET" | "HEAD", "/") => {
                Response::text(200, "Ollama is running\n(a stand-in of aiplat; the model behind it is real)\n")
            }
            ("GET" | "HEAD", "/api/version") => Response::json(200, &json!({"version": "0.32.15"})),
            ("GET", "/api/tags") => Response::json(200, &json!({"models": [described(MODEL), described(EMBEDDER)]})),
            ("GET", "/api/ps") => Response::json(200, &json!({"models": [described(MODEL)]})),
            ("GET", "/v1/models") => {
                let one = |name: &str| json!({"id": name, "object": "model", "created": 0, "owned_by": "library"});
                Response::json(200, &json!({"object": "list", "data": [one(MODEL), one(EMBEDDER)]}))
            }
            ("POST", "/api/show") => known(&body).map_or_else(|name| absent(&name), |name| Response::json(200, &described(name))),
            ("POST", "/api/pull") => match known(&body) {
                Ok(_) => lines(&[json!({"status": "pulling manifest"}), json!({"status": "success"})]),
                Err(_) => Response::json(500, &json!({"error": "pull model manifest: a stand-in reaches no model library"})),
            },
            ("POST", "/api/chat") => self.generate(&body, &body["messages"], |text| json!({"message": {"role": "assistant", "content": text}})),
            ("POST", "/api/generate") => {
                let mut messages = Vec::new();
                if let Some(system) = body["system"].as_str().filter(|text| !text.is_empty()) {
                    messages.push(json!({"role": "system", "content": system}));
                }
                messages.push(json!({"role": "user", "content": body["prompt"]}));
                self.generate(&body, &Value::Array(messages), |text| json!({"response": text}))
            }
            ("POST", "/api/embed") => known(&body).map_or_else(|name| absent(&name), |name| {
                let all: Vec<Vec<f64>> = inputs(&body["input"]).iter().map(|text| embedding(text)).collect();
                Response::json(200, &json!({"model": name, "embeddings": all, "prompt_eval_count": all.len(), "stand_in": "hashed words"}))
            }),
            ("POST", "/api/embeddings") => known(&body).map_or_else(|name| absent(&name), |_| {
                let text = body["prompt"].as_str().unwrap_or_default();
                Response::json(200, &json!({"embedding": embedding(text), "stand_in": "hashed words"}))
            }),
            ("POST", "/v1/embeddings") => known(&body).map_or_else(|name| absent(&name), |name| {
                let all = inputs(&body["input"]);
                let data: Vec<Value> = all
                    .iter()
                    .enumerate()
                    .map(|(at, text)| json!({"object": "embedding", "index": at, "embedding": embedding(text)}))
                    .collect();
                let usage = json!({"prompt_tokens": all.len(), "total_tokens": all.len()});
                Response::json(200, &json!({"object": "list", "model": name, "data": data, "usage": usage}))
            }),
            ("POST", "/v1/chat/completions" | "/v1/completions") => {
                if known(&body).is_err() {
                    return absent(body["model"].as_str().unwrap_or_default());
                }
                match self.forward(&request.path, &request.body) {
                    Ok(answer) => Response::new(answer.status, &answer.content_type, answer.body),
                    Err(words) => Response::json(503, &json!({"error": {"message": words}})),
                }
            }
            _ => Response::text(404, "404 page not found"),
        }
    }

    fn generate(&self, body: &Value, messages: &Value, shape: impl Fn(&str) -> Value) -> Response {
        let name = match known(body) {
            Ok(name) => name,
            Err(name) => return absent(&name),
        };
        let started = Instant::now();
        let options = &body["options"];
        let wanted = options["num_predict"]
            .as_u64()
            .unwrap_or(MOST_TOKENS)
            .min(MOST_TOKENS);
        let mut ask =
            json!({"model": MODEL, "messages": messages, "max_tokens": wanted, "stream": false});
        for (ours, theirs) in [
            ("temperature", "temperature"),
            ("seed", "seed"),
            ("top_p", "top_p"),
            ("stop", "stop"),
        ] {
            if !options[ours].is_null() {
                ask[theirs] = options[ours].clone();
            }
        }
        let said = match self.forward("/v1/chat/completions", ask.to_string().as_bytes()) {
            Ok(answer) if answer.status == 200 => {
                serde_json::from_slice::<Value>(&answer.body).unwrap_or_default()
            }
            Ok(answer) => {
                let words = String::from_utf8_lossy(&answer.body).into_owned();
                return Response::json(500, &json!({"error": words}));
            }
            Err(words) => return Response::json(503, &json!({"error": words})),
        };
        let text = said["choices"][0]["message"]["content"]
            .as_str()
            .unwrap_or_default();
        let nanoseconds = u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let with = |mut line: Value, done: bool| {
            line["model"] = json!(name);
            line["created_at"] = json!("2026-01-01T00:00:00Z");
            line["done"] = json!(done);
            if done {
                line["done_reason"] = json!(if said["choices"][0]["finish_reason"] == "length" {
                    "length"
                } else {
                    "stop"
                });
                line["total_duration"] = json!(nanoseconds);
                line["eval_duration"] = json!(nanoseconds);
                line["prompt_eval_count"] = said["usage"]["prompt_tokens"].clone();
                line["eval_count"] = said["usage"]["completion_tokens"].clone();
            }
            line
        };
        if body["stream"] == false {
            return Response::json(200, &with(shape(text), true));
        }
        lines(&[with(shape(text), false), with(shape(""), true)])
    }

    /// To llama.cpp; waits while it loads its model.
    fn forward(&self, path: &str, body: &[u8]) -> Result<Answer, String> {
        let Some(backend) = &self.backend else {
            return Err(
                "no model is served here: a stand-in without llama.cpp beside it".to_owned(),
            );
        };
        let url = format!("{backend}{path}");
        let headers = [("Content-Type".to_owned(), "application/json".to_owned())];
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let ask = Ask {
                method: "POST",
                headers: &headers,
                body,
                timeout: Duration::from_secs(300),
                ..Ask::get(&url)
            };
            let words = match ask.send() {
                Ok(answer) if answer.status != 503 => return Ok(answer),
                Ok(_) => "the model is loading".to_owned(),
                Err(error) => error.to_string(),
            };
            if Instant::now() > deadline {
                return Err(words);
            }
            pause(Duration::from_millis(250));
        }
    }
}

/// Waits for llama.cpp, which has no way to call back. Handlers run off the event loop.
#[expect(
    clippy::disallowed_methods,
    reason = "the deadline is the caller's loop"
)]
fn pause(time: Duration) {
    std::thread::sleep(time);
}

/// The model's name as kept; as an error the name asked for.
fn known(body: &Value) -> Result<&'static str, String> {
    let name = body["model"]
        .as_str()
        .or_else(|| body["name"].as_str())
        .unwrap_or_default();
    match name.trim_end_matches(":latest") {
        MODEL => Ok(MODEL),
        EMBEDDER => Ok(EMBEDDER),
        _ => Err(name.to_owned()),
    }
}

fn absent(name: &str) -> Response {
    Response::json(404, &json!({"error": format!("model '{name}' not found")}))
}

fn described(name: &str) -> Value {
    let (family, size) = if name == MODEL {
        ("llama", "135M")
    } else {
        ("nomic-bert", "stand-in")
    };
    let full = if name == MODEL {
        name.to_owned()
    } else {
        format!("{name}:latest")
    };
    json!({
        "name": full, "model": full, "modified_at": "2026-01-01T00:00:00Z", "size": 92_870_000, "digest": "stand-in",
        "details": {"format": "gguf", "family": family, "families": [family], "parameter_size": size, "quantization_level": "Q4_1"},
        "capabilities": if name == MODEL { json!(["completion"]) } else { json!(["embedding"]) },
        "model_info": {"general.architecture": family}, "template": "", "modelfile": "", "parameters": "",
    })
}

fn lines(all: &[Value]) -> Response {
    let text: Vec<String> = all.iter().map(|line| format!("{line}\n")).collect();
    Response::new(200, "application/x-ndjson", text.concat())
}

fn inputs(input: &Value) -> Vec<String> {
    match input {
        Value::Array(all) => all
            .iter()
            .map(|text| text.as_str().unwrap_or_default().to_owned())
            .collect(),
        Value::String(text) => vec![text.clone()],
        _ => Vec::new(),
    }
}

/// The same words give the same direction: each word's hash is spread over the dimensions, the
/// sum is brought to length 1. Texts that share words are near each other; meaning it knows none.
fn embedding(text: &str) -> Vec<f64> {
    let mut sum = vec![0.0; DIMENSIONS];
    let lower = text.to_lowercase();
    let words = lower
        .split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty());
    for word in words.chain(std::iter::once("")) {
        // the empty word is part of every text, so that none has length 0
        let weight = if word.is_empty() { 0.1 } else { 1.0 };
        for block in 0..DIMENSIONS / 32 {
            let digest = Sha256::digest(format!("{block} {word}"));
            for (at, byte) in digest.iter().enumerate() {
                sum[block * 32 + at] += weight * (f64::from(*byte) - 127.5) / 127.5;
            }
        }
    }
    let length = sum.iter().map(|number| number * number).sum::<f64>().sqrt();
    sum.iter().map(|number| number / length).collect()
}

/// The `ollama` command: `list`, `ps` and `pull` ask the server; what to print and whether it went
/// well.
pub fn command(world: &World) -> (String, bool) {
    let address = world
        .get("OLLAMA_HOST")
        .unwrap_or("127.0.0.1:11434")
        .replace("0.0.0.0", "127.0.0.1");
    let url = format!("http://{}/api/", address.trim_start_matches("http://"));
    let args: Vec<&str> = world.args().iter().map(String::as_str).collect();
    let answer = match args.as_slice() {
        ["list" | "ls" | "ps", ..] => Ask::get(&format!("{url}tags")).send(),
        ["pull" | "show", name, ..] => {
            let body = json!({"model": name}).to_string();
            Ask {
                method: "POST",
                body: body.as_bytes(),
                ..Ask::get(&format!("{url}{}", args[0]))
            }
            .send()
        }
        _ => {
            return (
                "a stand-in knows: serve, list, ps, pull, show".to_owned(),
                false,
            );
        }
    };
    match answer {
        Ok(answer) => (
            String::from_utf8_lossy(&answer.body).into_owned(),
            answer.status == 200,
        ),
        Err(_) => (
            "could not connect to ollama server, run 'ollama serve' to start it".to_owned(),
            false,
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn without_model() -> (tempfile::TempDir, Opened) {
        let dir = tempfile::tempdir().unwrap();
        let opened = open(&World::new(dir.path()).with("HOME", "/ollama")).unwrap();
        (dir, opened)
    }

    #[test]
    fn no_home_no_start() {
        let dir = tempfile::tempdir().unwrap();
        assert!(open(&World::new(dir.path())).is_err());
    }

    #[test]
    fn embeddings_have_the_dimensions_and_know_shared_words() {
        let (_dir, opened) = without_model();
        let body = json!({"model": "nomic-embed-text", "input": ["a red cat", "the red cat", "stock prices"]});
        let answer = opened.listeners[0]
            .service
            .answer(&Request::new("POST", "/api/embed").with_json(&body))
            .body_json();
        let vector = |at: usize| -> Vec<f64> {
            answer["embeddings"][at]
                .as_array()
                .unwrap()
                .iter()
                .map(|number| number.as_f64().unwrap())
                .collect()
        };
        assert_eq!(vector(0).len(), DIMENSIONS);
        let near = super::super::cosine(&vector(0), &vector(1));
        assert!(near > 0.5 && near > super::super::cosine(&vector(0), &vector(2)) + 0.3);
    }

    #[test]
    fn an_unknown_model_is_404_and_no_model_is_503() {
        let (_dir, opened) = without_model();
        let chat = |model: &str| {
            let body = json!({"model": model, "messages": []});
            opened.listeners[0]
                .service
                .answer(&Request::new("POST", "/api/chat").with_json(&body))
                .status
        };
        assert_eq!((chat("llama3.2"), chat("smollm2:135m")), (404, 503));
    }
}
