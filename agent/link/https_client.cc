// HTTPS with mutual TLS on Boost.Beast. One io_context per client, run inside exchange(): blocking outside, timed inside.
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <cctype>
#include <charconv>

#include "agent/link/http.h"

namespace agent::link {
namespace {

namespace net = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using tcp = net::ip::tcp;
using boost::system::error_code;
using Stream = beast::ssl_stream<beast::tcp_stream>;
using Deadline = std::chrono::steady_clock::time_point;

constexpr auto awaiting = net::as_tuple(net::use_awaitable);
constexpr std::uint32_t header_max = 64 * 1024;

Error unavailable(std::string why) { return {ErrorCode::Unavailable, std::move(why), {}}; }

// Alerts by which the other end says that it does not take our certificate.
bool refuses_our_certificate(const error_code& failure) {
  if (failure.category() != net::error::get_ssl_category()) return false;
  switch (ERR_GET_REASON(static_cast<unsigned long>(failure.value()))) {
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
    case SSL_R_TLSV1_ALERT_ACCESS_DENIED:
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED: return true;
    default: return false;
  }
}

Error error_of(const error_code& failure, const char* doing) {
  if (refuses_our_certificate(failure))
    return Error{ErrorCode::Unauthenticated, "the other end refuses our certificate: " + failure.message(), {}};
  if (failure == beast::error::timeout) return unavailable(std::string("no answer in time while ") + doing);
  if (failure == http::error::body_limit) return {ErrorCode::LimitExceeded, "the answer is larger than allowed", {}};
  return unavailable(std::string(doing) + ": " + failure.message());
}

bool is_visible(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](unsigned char c) { return c > 0x20 && c < 0x7f; });
}

Done check(const HttpRequest& request) {
  const auto bad = [](const std::string& what) { return Error{ErrorCode::InvalidInput, what + " cannot be sent in an HTTP request", {}}; };
  if (http::string_to_verb(request.method) == http::verb::unknown) return bad("the method '" + request.method + "'");
  if (!request.target.starts_with('/') || !is_visible(request.target)) return bad("the target '" + request.target + "'");
  for (const auto& [name, value] : request.headers)
    if (name.empty() || !is_visible(name) || value.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos) return bad("the header '" + name + "'");
  return {};
}

class HttpsClient final : public HttpExchange {
 public:
  HttpsClient(HttpsClientSettings settings, const Clock& clock, net::ssl::context tls)
      : settings_(std::move(settings)), clock_(clock), tls_(std::move(tls)) {}

  Result<HttpResponse> exchange(const HttpRequest& request) override {
    if (const Done checked = check(request); !checked) return checked.error();
    const Deadline deadline = std::chrono::steady_clock::now() + settings_.timeout;
    // A kept connection may have been closed while the request was on its way. Only what may be done twice is sent twice.
    const bool repeatable = request.method == "GET" || request.method == "PUT" || request.method == "DELETE" || request.method == "HEAD";
    const bool kept = reusable();
    answering_ = false;
    Result<HttpResponse> answer = run(request, deadline);
    if (!answer && kept && repeatable && !answering_ && answer.error().code == ErrorCode::Unavailable &&
        std::chrono::steady_clock::now() < deadline)
      answer = run(request, deadline);
    if (!answer) {
      stream_.reset();
      return answer.error().within("asking https://" + settings_.host + ":" + std::to_string(settings_.port) +
                                   request.target.substr(0, request.target.find('?')));
    }
    return answer;
  }

 private:
  Result<HttpResponse> run(const HttpRequest& request, Deadline deadline) {
    std::optional<Result<HttpResponse>> outcome;
    context_.restart();
    net::co_spawn(context_, fill(outcome, request, deadline), [](const std::exception_ptr& thrown) {
      if (thrown) std::rethrow_exception(thrown);
    });
    context_.run();
    invariant(outcome.has_value(), "an exchange ended without an outcome");
    if (!*outcome) stream_.reset();
    return *std::move(outcome);
  }

  // A connection that the peer has closed, or on which it said something unasked, or whose certificate has run out, is not used.
  bool reusable() {
    if (!stream_) return false;
    char byte = 0;
    const auto seen = ::recv(beast::get_lowest_layer(*stream_).socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    const bool quiet = seen < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
    std::time_t now = seconds_now();
    const X509* certificate = SSL_get0_peer_certificate(stream_->native_handle());
    const bool valid = certificate != nullptr && X509_cmp_time(X509_get0_notAfter(certificate), &now) > 0;
    if (!quiet || !valid) stream_.reset();
    return stream_ != nullptr;
  }

  [[nodiscard]] std::time_t seconds_now() const { return std::chrono::floor<std::chrono::seconds>(clock_.now()).time_since_epoch().count(); }

  // Results have no default value, which co_spawn would need.
  net::awaitable<void> fill(std::optional<Result<HttpResponse>>& outcome, const HttpRequest& request, Deadline deadline) {
    outcome.emplace(co_await converse(request, deadline));
  }

  net::awaitable<Result<HttpResponse>> converse(const HttpRequest& request, Deadline deadline) {
    if (!stream_)
      if (const Done connected = co_await connect(deadline); !connected) co_return connected.error();
    beast::get_lowest_layer(*stream_).expires_at(deadline);
    http::request<http::string_body> message(http::string_to_verb(request.method), request.target, 11);
    message.set(http::field::host, settings_.host + ":" + std::to_string(settings_.port));
    for (const auto& [name, value] : request.headers) message.set(name, value);
    message.body() = request.body;
    message.prepare_payload();
    const auto [write_failure, written] = co_await http::async_write(*stream_, message, awaiting);
    // A server that refuses early may answer and close while we still write: its answer says more than the broken pipe.
    http::response_parser<http::string_body> parser;
    parser.header_limit(header_max);
    parser.body_limit(settings_.body_max.count);
    if (request.method == "HEAD") parser.skip(true);
    beast::flat_buffer buffer;
    const auto [head_failure, head_size] = co_await http::async_read_header(*stream_, buffer, parser, awaiting);
    answering_ = head_size > 0;
    if (head_failure) co_return error_of(write_failure && !refuses_our_certificate(head_failure) ? write_failure : head_failure, "waiting for the answer");
    if (const auto [failure, size] = co_await http::async_read(*stream_, buffer, parser, awaiting); failure) co_return error_of(failure, "reading the answer");
    HttpResponse answer;
    answer.status = static_cast<int>(parser.get().result_int());
    for (const auto& field : parser.get()) {
      std::string name(field.name_string());
      std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
      answer.headers[name] = std::string(field.value());
    }
    answer.body = std::move(parser.get().body());
    beast::get_lowest_layer(*stream_).expires_never();
    if (!parser.keep_alive() || write_failure) stream_.reset();
    co_return answer;
  }

  net::awaitable<Done> connect(Deadline deadline) {
    Stream stream(context_, tls_);
    SSL* ssl = stream.native_handle();
    X509_VERIFY_PARAM* expected = SSL_get0_param(ssl);
    X509_VERIFY_PARAM_set_time(expected, seconds_now());
    X509_VERIFY_PARAM_set_hostflags(expected, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    std::vector<tcp::endpoint> endpoints;
    error_code not_numeric;
    const auto address = net::ip::make_address(settings_.host, not_numeric);
    if (!not_numeric) {
      X509_VERIFY_PARAM_set1_ip_asc(expected, settings_.host.c_str());
      endpoints.emplace_back(address, settings_.port);
    } else {
      SSL_set_tlsext_host_name(ssl, settings_.host.c_str());
      X509_VERIFY_PARAM_set1_host(expected, settings_.host.c_str(), settings_.host.size());
      // The system's resolver has its own time limit and knows no other.
      tcp::resolver resolver(context_);
      const auto [failure, found] = co_await resolver.async_resolve(settings_.host, std::to_string(settings_.port), awaiting);
      if (failure) co_return unavailable("no address for '" + settings_.host + "': " + failure.message());
      for (const auto& entry : found) endpoints.push_back(entry.endpoint());
    }
    beast::tcp_stream& lowest = beast::get_lowest_layer(stream);
    lowest.expires_at(deadline);
    const auto [failure, reached] = co_await lowest.async_connect(endpoints, awaiting);
    if (failure) co_return error_of(failure, "connecting");
    error_code ignored;
    lowest.socket().set_option(tcp::no_delay(true), ignored);
    if (const auto [refused] = co_await stream.async_handshake(net::ssl::stream_base::client, awaiting); refused) {
      const long verdict = SSL_get_verify_result(ssl);
      if (verdict != X509_V_OK)
        co_return Error{ErrorCode::Unauthenticated,
                        std::string("the other end is not the controller that we trust: ") + X509_verify_cert_error_string(verdict), {}};
      co_return error_of(refused, "in the TLS handshake");
    }
    stream_ = std::make_unique<Stream>(std::move(stream));
    co_return Done{};
  }

  HttpsClientSettings settings_;
  const Clock& clock_;
  net::ssl::context tls_;
  net::io_context context_{1};
  std::unique_ptr<Stream> stream_;
  bool answering_ = false;  // some byte of the present answer has arrived
};

Error unusable(const char* what, const error_code& failure) {
  return {ErrorCode::InvalidInput, std::string(what) + " cannot be used: " + failure.message(), {}};
}

}  // namespace

Result<std::unique_ptr<HttpExchange>> make_https_client(HttpsClientSettings settings, const Clock& clock) {
  if (settings.host.empty() || settings.port == 0) return Error{ErrorCode::InvalidInput, "a controller needs a host and a port", {}};
  if (settings.certificate_pem.empty() != settings.private_key_pem.empty())
    return Error{ErrorCode::InvalidInput, "a certificate and its key come together or not at all", {}};
  net::ssl::context tls(net::ssl::context::tls_client);
  SSL_CTX_set_min_proto_version(tls.native_handle(), TLS1_3_VERSION);
  error_code failure;
  tls.set_verify_mode(net::ssl::verify_peer, failure);
  tls.add_certificate_authority(net::buffer(settings.authority_pem), failure);
  if (failure) return unusable("the controller's authority", failure);
  if (!settings.certificate_pem.empty()) {
    tls.use_certificate_chain(net::buffer(settings.certificate_pem), failure);
    if (failure) return unusable("our certificate", failure);
    tls.use_private_key(net::buffer(settings.private_key_pem), net::ssl::context::pem, failure);
    if (failure) return unusable("our private key", failure);
    if (SSL_CTX_check_private_key(tls.native_handle()) != 1)
      return Error{ErrorCode::InvalidInput, "our private key does not belong to our certificate", {}};
  }
  // Every connection proves both certificates anew: a resumed session would not.
  SSL_CTX_set_session_cache_mode(tls.native_handle(), SSL_SESS_CACHE_OFF);
  return std::unique_ptr<HttpExchange>(std::make_unique<HttpsClient>(std::move(settings), clock, std::move(tls)));
}

}  // namespace agent::link
