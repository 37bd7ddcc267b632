// HTTPS on Boost.Beast and Asio: one io_context, one thread, one coroutine per connection.
#include "fleet/api/https_server.h"

#include <openssl/ssl.h>
#include <signal.h>

#include <atomic>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <cctype>
#include <list>
#include <thread>

namespace fleet::api {
namespace {

namespace net = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using tcp = net::ip::tcp;
using boost::system::error_code;
using Stream = beast::ssl_stream<beast::tcp_stream>;
using agent::link::HttpResponse;
using Moment = std::chrono::steady_clock::time_point;

constexpr auto awaiting = net::as_tuple(net::use_awaitable);
constexpr std::size_t target_max = 4'096;
constexpr Duration linger{2'000};
constexpr Duration accept_pause{100};  // after the kernel refused one, for want of descriptors say

// A thrown exception in a coroutine or a callback is a broken invariant: it leaves run() and ends the process.
void rethrow(const std::exception_ptr& thrown) {
  if (thrown) std::rethrow_exception(thrown);
}

HttpResponse refusal(int status, const std::string& code, const std::string& message) {
  return {status, {{"content-type", "application/json"}}, "{\"code\":\"" + code + "\",\"message\":\"" + message + "\"}"};
}

std::string lower(std::string_view text) {
  std::string low(text);
  std::transform(low.begin(), low.end(), low.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return low;
}

// Where a connection waits for its answer. Touched on the loop alone.
struct Waiting {
  explicit Waiting(net::io_context& context) : timer(context) {}
  std::optional<HttpResponse> response;
  net::steady_timer timer;
};

// Counts one up for as long as it lives.
template <typename Number>
class Held {
 public:
  Held(Number& total, std::uint64_t amount) : total_(total), amount_(amount) { total_ += amount_; }
  ~Held() { total_ -= amount_; }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;

 private:
  Number& total_;
  std::uint64_t amount_;
};

}  // namespace

// shared, because responders may outlive the server: they hold it weakly.
struct Core {
  Core(HttpsServerSettings settings_given, const Clock& clock_given, net::ssl::context tls_given)
      : settings(std::move(settings_given)), clock(clock_given), tls(std::move(tls_given)) {}

  struct Handshake {
    Moment began;
    Stream& stream;
  };

  net::awaitable<void> accept_all();
  net::awaitable<void> wait_for_room();
  net::awaitable<void> serve(tcp::socket socket, std::string address);
  net::awaitable<bool> shake_hands(Stream& stream);
  net::awaitable<void> converse(Stream& stream, const std::string& address);
  // One request and its answer; whether the connection may be kept.
  net::awaitable<bool> exchange(Stream& stream, beast::flat_buffer& buffer, const KeyId& peer, const std::string& address);
  net::awaitable<HttpResponse> answer_of(Request request);
  net::awaitable<bool> write(Stream& stream, HttpResponse response, bool keep, unsigned version);
  net::awaitable<void> close_gently(Stream& stream);
  net::awaitable<void> repeat(Duration pause, std::function<void()> work);

  [[nodiscard]] KeyId peer_of(Stream& stream) const;
  [[nodiscard]] bool still_valid(Stream& stream) const;
  [[nodiscard]] std::time_t seconds_now() const { return std::chrono::floor<std::chrono::seconds>(clock.now()).time_since_epoch().count(); }
  [[nodiscard]] Duration time_for(std::uint64_t bytes, Duration base) const {
    return base + Duration(bytes * 1'000 / std::max<std::uint64_t>(settings.rate_min.count, 1));
  }
  bool failed_slowly(const error_code& failure) {
    if (failure == beast::error::timeout) ++timed_out;
    return static_cast<bool>(failure);
  }

  const HttpsServerSettings settings;
  const Clock& clock;
  net::ssl::context tls;
  RequestHandler handler;
  std::weak_ptr<Core> self;
  std::atomic<std::uint64_t> connections{0}, accepted{0}, refused{0}, requests{0}, timed_out{0};
  std::uint64_t bodies = 0;                            // bytes of request bodies in memory
  std::map<std::string, std::uint64_t> by_address;
  std::list<Handshake> handshakes;                     // oldest first
  std::thread thread;
  std::atomic<bool> stopped{false};
  // Last of what coroutines use: their frames die with it, and touch the members above.
  net::io_context context{1};
  tcp::acceptor acceptor{context};
  net::steady_timer room{context};                     // cancelled when a handshake ends
};

struct Responder::Promise {
  std::weak_ptr<Core> core;
  std::weak_ptr<Waiting> waiting;
  std::atomic<bool> answered{false};

  void answer(HttpResponse response) {
    if (answered.exchange(true)) return;
    const std::shared_ptr<Core> alive = core.lock();
    if (!alive || alive->stopped) return;
    net::post(alive->context, [target = waiting, given = std::move(response)]() mutable {
      const std::shared_ptr<Waiting> connection = target.lock();
      if (!connection) return;
      connection->response = std::move(given);
      connection->timer.cancel();
    });
  }
  ~Promise() { answer(refusal(500, "unavailable", "the request was not answered")); }
};

void Responder::operator()(HttpResponse response) const { promise_->answer(std::move(response)); }

KeyId Core::peer_of(Stream& stream) const {
  const X509* certificate = SSL_get0_peer_certificate(stream.native_handle());
  if (certificate == nullptr) return {};
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(X509_get0_pubkey(certificate), &der);
  invariant(size > 0, "a verified certificate has no public key");
  const Digest digest = images::keys::sha256({reinterpret_cast<const char*>(der), static_cast<std::size_t>(size)});
  OPENSSL_free(der);
  return KeyId(digest.text);
}

bool Core::still_valid(Stream& stream) const {
  const X509* certificate = SSL_get0_peer_certificate(stream.native_handle());
  std::time_t now = seconds_now();
  return certificate == nullptr ||
         (X509_cmp_time(X509_get0_notAfter(certificate), &now) > 0 && X509_cmp_time(X509_get0_notBefore(certificate), &now) < 0);
}

// While all places for handshakes are taken, others wait in the kernel's queue; one that dawdles is given up for them.
net::awaitable<void> Core::wait_for_room() {
  while (handshakes.size() >= settings.handshakes_max) {
    const Moment patience = handshakes.front().began + settings.handshake_grace;
    if (std::chrono::steady_clock::now() >= patience) {
      ++timed_out;
      handshakes.front().began = Moment::max() - settings.handshake_grace;  // is going already
      handshakes.splice(handshakes.end(), handshakes, handshakes.begin());
      beast::get_lowest_layer(handshakes.back().stream).close();
    }
    room.expires_at(std::min(patience, std::chrono::steady_clock::now() + settings.handshake_timeout));
    co_await room.async_wait(awaiting);
  }
}

net::awaitable<void> Core::accept_all() {
  while (true) {
    co_await wait_for_room();
    auto [failure, socket] = co_await acceptor.async_accept(awaiting);
    if (failure == net::error::operation_aborted) co_return;
    error_code gone;
    const auto remote = failure ? tcp::endpoint() : socket.remote_endpoint(gone);
    if (failure || gone) {
      net::steady_timer pause(context, failure ? accept_pause : Duration(0));
      co_await pause.async_wait(awaiting);
      continue;
    }
    ++accepted;
    const std::string address = remote.address().to_string();
    if (connections >= settings.connections_max || by_address[address] >= settings.address_connections_max) {
      ++refused;
      if (by_address[address] == 0) by_address.erase(address);
      continue;  // closes it
    }
    net::co_spawn(context, serve(std::move(socket), address), rethrow);
  }
}

net::awaitable<void> Core::serve(tcp::socket socket, std::string address) {
  const Held<std::atomic<std::uint64_t>> counted(connections, 1);
  struct Place {
    std::map<std::string, std::uint64_t>& places;
    std::string key;
    ~Place() {
      if (--places[key] == 0) places.erase(key);
    }
  };
  ++by_address[address];
  const Place place{by_address, address};
  error_code ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  Stream stream(std::move(socket), tls);
  if (co_await shake_hands(stream)) co_await converse(stream, address);
  co_await close_gently(stream);
}

net::awaitable<bool> Core::shake_hands(Stream& stream) {
  handshakes.push_back({std::chrono::steady_clock::now(), stream});
  struct Leave {
    Core& core;
    std::list<Handshake>::iterator mine;
    ~Leave() {
      core.handshakes.erase(mine);
      if (!core.stopped) core.room.cancel();
    }
  };
  const Leave leave{*this, std::prev(handshakes.end())};
  X509_VERIFY_PARAM_set_time(SSL_get0_param(stream.native_handle()), seconds_now());
  beast::get_lowest_layer(stream).expires_after(settings.handshake_timeout);
  const auto [failure] = co_await stream.async_handshake(net::ssl::stream_base::server, awaiting);
  if (failed_slowly(failure)) ++refused;
  co_return !failure;
}

net::awaitable<void> Core::converse(Stream& stream, const std::string& address) {
  const KeyId peer = peer_of(stream);
  beast::flat_buffer buffer(settings.header_max.count + 64 * 1024);
  Duration patience = settings.header_timeout;
  while (true) {
    if (buffer.size() == 0) {
      beast::get_lowest_layer(stream).expires_after(patience);
      const auto [failure, size] = co_await stream.async_read_some(buffer.prepare(4'096), awaiting);
      if (failed_slowly(failure)) co_return;
      buffer.commit(size);
    }
    if (!co_await exchange(stream, buffer, peer, address)) co_return;
    patience = settings.idle_timeout;
  }
}

net::awaitable<bool> Core::exchange(Stream& stream, beast::flat_buffer& buffer, const KeyId& peer, const std::string& address) {
  http::request_parser<http::string_body> parser;
  parser.header_limit(static_cast<std::uint32_t>(settings.header_max.count));
  parser.body_limit(boost::none);
  beast::get_lowest_layer(stream).expires_after(settings.header_timeout);
  if (const auto [failure, size] = co_await http::async_read_header(stream, buffer, parser, awaiting); failed_slowly(failure)) {
    if (failure == http::error::header_limit)
      co_await write(stream, refusal(431, "limit-exceeded", "the request's header is larger than " + settings.header_max.text()), false, 11);
    else if (failure.category() == http::make_error_code(http::error::bad_method).category() && failure != http::error::end_of_stream)
      co_await write(stream, refusal(400, "invalid-input", "not an HTTP request"), false, 11);
    co_return false;
  }
  ++requests;
  const unsigned version = parser.get().version();
  const std::uint64_t body_size = parser.content_length().value_or(0);
  const Bytes limit = peer.empty() ? settings.anonymous_body_max : settings.body_max;
  std::optional<HttpResponse> refuse;
  if (!still_valid(stream)) refuse = refusal(401, "unauthenticated", "the client certificate is not valid now; renew it");
  else if (parser.chunked()) refuse = refusal(411, "invalid-input", "a body needs a content-length");
  else if (body_size > limit.count) refuse = refusal(413, "limit-exceeded", "a body here may have at most " + limit.text());
  else if (bodies + body_size > settings.bodies_max.count) refuse = refusal(503, "unavailable", "too many large requests at once; try again");
  else if (!parser.get().target().starts_with('/') || parser.get().target().size() > target_max)
    refuse = refusal(400, "invalid-input", "the target is no path of at most " + std::to_string(target_max) + " bytes");
  if (refuse) {
    co_await write(stream, *std::move(refuse), false, version);
    co_return false;
  }
  const Held<std::uint64_t> in_memory(bodies, body_size);
  beast::get_lowest_layer(stream).expires_after(time_for(body_size, settings.body_timeout));
  if (body_size > 0 && lower(parser.get()[http::field::expect]) == "100-continue") {
    http::response<http::empty_body> go_on(http::status::continue_, version);
    if (const auto [failure, size] = co_await http::async_write(stream, go_on, awaiting); failure) co_return false;
  }
  if (const auto [failure, size] = co_await http::async_read(stream, buffer, parser, awaiting); failed_slowly(failure)) co_return false;
  const bool keep = parser.keep_alive();
  Request request;
  request.method = std::string(parser.get().method_string());
  request.target = std::string(parser.get().target());
  for (const auto& field : parser.get()) {
    std::string& value = request.headers[lower(field.name_string())];
    value += (value.empty() ? "" : ", ") + std::string(field.value());
  }
  request.body = std::move(parser.get().body());
  request.peer = peer;
  request.remote_address = address;
  HttpResponse response = co_await answer_of(std::move(request));
  co_return co_await write(stream, std::move(response), keep, version);
}

net::awaitable<HttpResponse> Core::answer_of(Request request) {
  const auto waiting = std::make_shared<Waiting>(context);  // shared: the responder's answer is posted to whoever still waits
  waiting->timer.expires_after(settings.answer_timeout);
  {
    auto promise = std::make_shared<Responder::Promise>();
    promise->core = self;
    promise->waiting = waiting;
    handler(std::move(request), Responder(std::move(promise)));
  }
  if (!waiting->response) co_await waiting->timer.async_wait(awaiting);
  if (!waiting->response) co_return refusal(503, "unavailable", "no answer was found in time; try again");
  co_return *std::move(waiting->response);
}

net::awaitable<bool> Core::write(Stream& stream, HttpResponse response, bool keep, unsigned version) {
  http::response<http::string_body> message(static_cast<http::status>(response.status), version);
  for (const auto& [name, value] : response.headers) message.set(name, value);
  message.body() = std::move(response.body);
  message.keep_alive(keep);
  message.prepare_payload();
  beast::get_lowest_layer(stream).expires_after(time_for(message.body().size(), settings.body_timeout));
  const auto [failure, size] = co_await http::async_write(stream, message, awaiting);
  co_return !failed_slowly(failure) && keep;
}

// What the other end still sends is read and dropped for a moment: closing at once would reset the connection, and it would
// never see our last words.
net::awaitable<void> Core::close_gently(Stream& stream) {
  beast::tcp_stream& lowest = beast::get_lowest_layer(stream);
  if (!lowest.socket().is_open()) co_return;
  lowest.expires_after(linger);
  if (SSL_is_init_finished(stream.native_handle())) {
    SSL_set_quiet_shutdown(stream.native_handle(), 0);
    co_await stream.async_shutdown(awaiting);
  }
  error_code ignored;
  lowest.socket().shutdown(tcp::socket::shutdown_send, ignored);
  std::array<char, 16'384> dropped{};
  lowest.expires_after(linger);
  while (true) {
    const auto [failure, size] = co_await lowest.async_read_some(net::buffer(dropped), awaiting);
    if (failure) break;
  }
  lowest.close();
}

net::awaitable<void> Core::repeat(Duration pause, std::function<void()> work) {
  net::steady_timer timer(context);
  while (true) {
    timer.expires_after(pause);
    co_await timer.async_wait(awaiting);
    work();
  }
}

struct HttpsServer::Loop {
  std::shared_ptr<Core> core;  // shared with responders, see Core
};

namespace {

Error unusable(const char* what, const error_code& failure) {
  return {ErrorCode::InvalidInput, std::string(what) + " cannot be used: " + failure.message(), {}};
}

Done configure(net::ssl::context& tls, const HttpsServerSettings& settings) {
  SSL_CTX_set_min_proto_version(tls.native_handle(), TLS1_3_VERSION);
  // Every connection proves its certificate anew: a resumed session would not.
  SSL_CTX_set_num_tickets(tls.native_handle(), 0);
  SSL_CTX_set_session_cache_mode(tls.native_handle(), SSL_SESS_CACHE_OFF);
  error_code failure;
  tls.use_certificate_chain(net::buffer(settings.certificate_pem), failure);
  if (failure) return unusable("the server's certificate", failure);
  tls.use_private_key(net::buffer(settings.private_key_pem), net::ssl::context::pem, failure);
  if (failure) return unusable("the server's private key", failure);
  if (SSL_CTX_check_private_key(tls.native_handle()) != 1)
    return Error{ErrorCode::InvalidInput, "the server's private key does not belong to its certificate", {}};
  tls.add_certificate_authority(net::buffer(settings.authority_pem), failure);
  if (failure) return unusable("the authority for client certificates", failure);
  tls.set_verify_mode(net::ssl::verify_peer, failure);
  return {};
}

Done listen(tcp::acceptor& acceptor, const HttpsServerSettings& settings) {
  error_code failure;
  const auto address = net::ip::make_address(settings.listen_address, failure);
  if (failure) return Error{ErrorCode::InvalidInput, "'" + settings.listen_address + "' is not a numeric address to listen at", {}};
  const tcp::endpoint endpoint(address, settings.port);
  acceptor.open(endpoint.protocol(), failure);
  if (!failure) acceptor.set_option(tcp::acceptor::reuse_address(true), failure);
  if (!failure && address.is_v6()) acceptor.set_option(net::ip::v6_only(false), failure);
  if (!failure) acceptor.bind(endpoint, failure);
  if (!failure) acceptor.listen(net::socket_base::max_listen_connections, failure);
  if (failure)
    return Error{ErrorCode::Unavailable, "cannot listen at " + settings.listen_address + " port " + std::to_string(settings.port) + ": " + failure.message(), {}};
  return {};
}

}  // namespace

Result<std::unique_ptr<HttpsServer>> HttpsServer::open(HttpsServerSettings settings, const Clock& clock) {
  net::ssl::context tls(net::ssl::context::tls_server);
  if (const Done configured = configure(tls, settings); !configured) return configured.error();
  auto core = std::make_shared<Core>(std::move(settings), clock, std::move(tls));
  core->self = core;
  if (const Done listening = listen(core->acceptor, core->settings); !listening) return listening.error();
  return std::unique_ptr<HttpsServer>(new HttpsServer(std::make_unique<Loop>(Loop{std::move(core)})));
}

HttpsServer::HttpsServer(std::unique_ptr<Loop> loop) : loop_(std::move(loop)) {}

HttpsServer::~HttpsServer() { stop(); }

std::uint16_t HttpsServer::port() const {
  error_code ignored;
  return loop_->core->acceptor.local_endpoint(ignored).port();
}

void HttpsServer::start(RequestHandler handler) {
  Core& core = *loop_->core;
  invariant(!core.thread.joinable() && !core.stopped, "an HTTPS server was started twice");
  core.handler = std::move(handler);
  net::co_spawn(core.context, core.accept_all(), rethrow);
  // Signals are for the program's main thread.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  core.thread = std::thread([&core] { core.context.run(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void HttpsServer::post(std::function<void()> work) { net::post(loop_->core->context, std::move(work)); }

void HttpsServer::run_every(Duration pause, std::function<void()> work) {
  Core& core = *loop_->core;
  net::co_spawn(core.context, core.repeat(pause, std::move(work)), rethrow);
}

void HttpsServer::stop() {
  Core& core = *loop_->core;
  if (core.stopped.exchange(true)) return;
  core.context.stop();
  if (core.thread.joinable()) core.thread.join();
}

HttpsServer::Figures HttpsServer::figures() const {
  const Core& core = *loop_->core;
  return {core.connections, core.accepted, core.refused, core.requests, core.timed_out};
}

}  // namespace fleet::api
