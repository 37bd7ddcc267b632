// The controller's door: HTTPS for machines, clients and staff, in our own types. Boost.Beast stays in https_server.cc.
//
// One thread runs everything: the event loop calls the request handler, what was posted, and timers, one at a time, so that
// none of them needs a lock against another. A handler that must wait (for a commit) keeps the Responder and returns.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "agent/link/http.h"
#include "images/keys/keys.h"
#include "policies/vocabulary/bytes.h"
#include "policies/vocabulary/instant.h"
#include "policies/vocabulary/result.h"

namespace fleet::api {
using namespace policies::vocabulary;

struct HttpsServerSettings {
  std::string listen_address = "127.0.0.1";  // a numeric address; "::" is every interface
  std::uint16_t port = 8443;                 // 0: any free one, told by port()
  std::string certificate_pem;               // the server's, with its chain
  std::string private_key_pem;               // never logged
  std::string authority_pem;                 // who may have issued client certificates

  Bytes body_max = mebibytes(80);              // of a request whose sender showed a certificate
  Bytes anonymous_body_max = kibibytes(256);   // of a request whose sender showed none
  Bytes bodies_max = mebibytes(512);           // all request bodies in memory together
  Bytes header_max = kibibytes(16);
  std::size_t connections_max = 4'096;         // more are closed at once
  std::size_t address_connections_max = 1'024;  // from one address
  std::size_t handshakes_max = 64;             // at a time; while so many run, others wait in the kernel's queue
  Duration handshake_grace{1'000};             // a handshake older than this makes room when others wait
  Duration handshake_timeout{10'000};
  Duration header_timeout{10'000};             // from the first byte of a request to the last of its header
  Duration body_timeout{30'000};               // for a body, besides what its size needs at rate_min
  Bytes rate_min = kibibytes(16);              // per second; a slower body or reader is cut off
  Duration idle_timeout{330'000};              // of a kept connection: a poll interval and some
  Duration answer_timeout{120'000};            // a handler that gives none by then is answered for with 503
};

struct Request : agent::link::HttpRequest {
  KeyId peer;                  // whose verified certificate it is: SHA-256 of the key; empty when none was shown
  std::string remote_address;  // numeric, without port
};

// Answers one request, once; from any thread, also after the server stopped (then nothing happens). Copies answer the same
// request; the first answer counts. When the last copy goes unanswered, the caller gets 500.
class Responder {
 public:
  struct Promise;
  explicit Responder(std::shared_ptr<Promise> promise) : promise_(std::move(promise)) {}
  void operator()(agent::link::HttpResponse response) const;

 private:
  std::shared_ptr<Promise> promise_;  // shared: handlers copy it into callbacks, the connection waits on it
};

using RequestHandler = std::function<void(Request, Responder)>;

class HttpsServer {
 public:
  // Binds and listens, but accepts nothing before start(). `clock` says whether client certificates are valid, at the handshake
  // and at every request; it must outlive the server. Timeouts and timers are in real time.
  // InvalidInput for unusable keys or certificates, Unavailable when the address is taken.
  static Result<std::unique_ptr<HttpsServer>> open(HttpsServerSettings settings, const Clock& clock);
  // Stops, if stop() was not called.
  ~HttpsServer();
  HttpsServer(const HttpsServer&) = delete;
  HttpsServer& operator=(const HttpsServer&) = delete;

  [[nodiscard]] std::uint16_t port() const;

  // Starts the loop's thread. Call once. What was posted or timed before runs first.
  void start(RequestHandler handler);
  // Runs `work` on the loop, soon; from any thread.
  void post(std::function<void()> work);
  // Runs `work` on the loop again and again, `pause` after each end, until stop(). From any thread.
  void run_every(Duration pause, std::function<void()> work);
  // Closes every connection, lets the running callback end and joins the thread; not to be called from the loop. What was
  // posted and has not run yet is dropped.
  void stop();

  struct Figures {
    std::uint64_t connections = 0;       // open now
    std::uint64_t accepted = 0;
    std::uint64_t refused = 0;           // at a limit, or in the handshake
    std::uint64_t requests = 0;
    std::uint64_t timed_out = 0;         // cut off as too slow
  };
  // From any thread.
  [[nodiscard]] Figures figures() const;

 private:
  struct Loop;
  explicit HttpsServer(std::unique_ptr<Loop> loop);
  std::unique_ptr<Loop> loop_;
};

}  // namespace fleet::api
