// HTTP exchanges in our own types, so that Boost.Beast stays in two sources: https_client.cc here and fleet/api/https_server.cc.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "images/keys/keys.h"
#include "policies/vocabulary/bytes.h"
#include "policies/vocabulary/instant.h"
#include "policies/vocabulary/result.h"

namespace agent::link {
using namespace policies::vocabulary;

struct HttpRequest {
  std::string method = "GET";
  std::string target;                            // path and query, percent-encoded
  std::map<std::string, std::string> headers;    // names in lower case
  std::string body;
};

struct HttpResponse {
  int status = 200;
  std::map<std::string, std::string> headers;    // names in lower case
  std::string body;
};

// One conversation partner. exchange() blocks until an answer or the timeout; Unavailable when none came, and then nothing is
// known of what the other end did; Unauthenticated when one end does not take the other's certificate; LimitExceeded when the
// answer is too large. An answer of any status is a success here. Not safe for use by two threads at once.
class HttpExchange {
 public:
  virtual ~HttpExchange() = default;
  virtual Result<HttpResponse> exchange(const HttpRequest& request) = 0;
};

struct HttpsClientSettings {
  std::string host;                  // name or address, as in the server's certificate
  std::uint16_t port = 8443;
  std::string authority_pem;         // the only authority that is trusted
  std::string certificate_pem;       // ours; empty before enrolment
  std::string private_key_pem;       // ours; empty before enrolment. Never logged.
  Duration timeout{30'000};          // per exchange, connecting included
  Bytes body_max = mebibytes(80);    // of an answer
};

// Keeps one TLS 1.3 connection alive and makes a new one when the peer closed it. `clock` decides whether certificates are
// valid; it must outlive the client. Times out by real time, not by `clock`.
Result<std::unique_ptr<HttpExchange>> make_https_client(HttpsClientSettings settings, const Clock& clock);

// "https://host:port" into host and port.
struct Endpoint {
  std::string host;
  std::uint16_t port = 8443;
};
Result<Endpoint> endpoint_from(std::string_view url);

}  // namespace agent::link
