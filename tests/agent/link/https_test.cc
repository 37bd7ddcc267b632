// Goal: both ends prove who they are, and neither can be made to wait or swallow without limit. Method: the real client against the
// real server over loopback, with good and bad certificates judged by a clock that the test sets; raw sockets play the rude peer.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <future>
#include <mutex>

#include "agent/link/http.h"
#include "fleet/api/https_server.h"
#include "images/keys/certificates.h"

namespace agent::link {
namespace {

namespace keys = images::keys;
using fleet::api::HttpsServer;
using fleet::api::HttpsServerSettings;

class SetClock final : public Clock {
 public:
  explicit SetClock(Instant at) : at_(at) {}
  [[nodiscard]] Instant now() const override { return at_; }
  void set(Instant at) { at_ = at; }

 private:
  std::atomic<Instant> at_;
};

const Instant issued = *instant_from("2026-01-01T00:00:00Z");
const Instant today = *instant_from("2026-06-01T00:00:00Z");
const Instant expires = *instant_from("2027-01-01T00:00:00Z");

struct Authority {
  keys::PrivateKey key = *keys::PrivateKey::generate(keys::KeyKind::MachineKey);
  std::string pem = *keys::make_authority(key, "Test authority", issued, *instant_from("2036-01-01T00:00:00Z"));

  std::string issue(const keys::PublicKey& subject, keys::CertificateUse use, std::vector<std::string> hosts = {}) const {
    const Result<std::string> certificate =
        keys::issue_certificate({"test", subject, use, std::move(hosts), issued, expires}, key, pem);
    EXPECT_TRUE(certificate) << certificate.error().text();
    return *certificate;
  }
};

class Https : public testing::Test {
 protected:
  HttpsServerSettings server_settings() {
    HttpsServerSettings settings;
    settings.port = 0;
    settings.certificate_pem = authority_.issue(server_key_.public_key(), keys::CertificateUse::Server, {"localhost", "127.0.0.1"});
    settings.private_key_pem = server_key_.pem();
    settings.authority_pem = authority_.pem;
    return settings;
  }
  // Answers with method, target, body length and peer; "/later" from another thread, "/never" not at all.
  void start(HttpsServerSettings settings) {
    auto server = HttpsServer::open(std::move(settings), clock_);
    ASSERT_TRUE(server) << server.error().text();
    server_ = *std::move(server);
    server_->start([this](fleet::api::Request request, fleet::api::Responder respond) {
      HttpResponse response;
      response.headers["peer"] = request.peer.text;
      response.headers["remote"] = request.remote_address;
      response.body = request.method + " " + request.target + " " + std::to_string(request.body.size());
      if (request.target == "/echo") response.body = request.body;
      if (request.target == "/never") return;
      if (request.target == "/large") response.body.assign(3'000'000, 'l');
      if (request.target == "/later") {
        const std::lock_guard<std::mutex> guard(lock_);
        later_.push_back(std::async(std::launch::async, [respond, response] { respond(response); }));
        return;
      }
      respond(response);
    });
  }
  HttpsClientSettings client_settings() {
    HttpsClientSettings settings;
    settings.host = "127.0.0.1";
    settings.port = server_->port();
    settings.authority_pem = authority_.pem;
    settings.certificate_pem = authority_.issue(client_key_.public_key(), keys::CertificateUse::Client);
    settings.private_key_pem = client_key_.pem();
    settings.timeout = Duration(10'000);
    return settings;
  }
  std::unique_ptr<HttpExchange> client(HttpsClientSettings settings) {
    auto made = make_https_client(std::move(settings), clock_);
    EXPECT_TRUE(made) << made.error().text();
    return *std::move(made);
  }
  HttpsClientSettings anonymous_settings() {
    HttpsClientSettings settings = client_settings();
    settings.certificate_pem.clear();
    settings.private_key_pem.clear();
    return settings;
  }
  // A TCP connection that never speaks TLS.
  [[nodiscard]] int rude_connection() const {
    const int file = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(server_->port());
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(file, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    return file;
  }
  // Speaks TLS, sends `start` and then nothing more; true when the server ends the connection within ten seconds.
  [[nodiscard]] bool is_cut_off_after(const std::string& start) const {
    const int file = rude_connection();
    SSL_CTX* context = SSL_CTX_new(TLS_client_method());
    SSL* tls = SSL_new(context);
    SSL_set_fd(tls, file);
    EXPECT_EQ(SSL_connect(tls), 1);
    EXPECT_EQ(SSL_write(tls, start.data(), static_cast<int>(start.size())), static_cast<int>(start.size()));
    pollfd watched{file, POLLIN, 0};
    char byte = 0;
    const bool ended = ::poll(&watched, 1, 10'000) == 1 && SSL_read(tls, &byte, 1) <= 0;
    SSL_free(tls);
    SSL_CTX_free(context);
    ::close(file);
    return ended;
  }
  // True when the server closes the connection within ten seconds.
  static bool is_closed(int file) {
    pollfd watched{file, POLLIN, 0};
    char byte = 0;
    const bool closed = ::poll(&watched, 1, 10'000) == 1 && ::recv(file, &byte, 1, 0) <= 0;
    ::close(file);
    return closed;
  }
  // Waits for the server's loop to have counted what the other end has seen already.
  template <typename Holds>
  static void await(Holds holds) {
    while (!holds()) std::this_thread::yield();
  }
  static Result<HttpResponse> get(HttpExchange& link, const std::string& target) { return link.exchange({"GET", target, {}, {}}); }

  SetClock clock_{today};
  Authority authority_;
  keys::PrivateKey server_key_ = *keys::PrivateKey::generate(keys::KeyKind::MachineKey);
  keys::PrivateKey client_key_ = *keys::PrivateKey::generate(keys::KeyKind::MachineKey);
  std::unique_ptr<HttpsServer> server_;
  std::mutex lock_;
  std::vector<std::future<void>> later_;
};

TEST_F(Https, TellsWhoCallsByTheKeyOfTheCertificate) {
  start(server_settings());
  const auto link = client(client_settings());
  const Result<HttpResponse> answer = link->exchange({"POST", "/v1/x?y=1", {{"content-type", "text/plain"}}, "hello"});
  ASSERT_TRUE(answer) << answer.error().text();
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->body, "POST /v1/x?y=1 5");
  EXPECT_EQ(answer->headers.at("peer"), client_key_.id().text);
  EXPECT_EQ(answer->headers.at("remote"), "127.0.0.1");
}

TEST_F(Https, AcceptsCallersWithoutACertificateAsNobody) {
  start(server_settings());
  const auto link = client(anonymous_settings());
  const Result<HttpResponse> answer = get(*link, "/v1/health");
  ASSERT_TRUE(answer) << answer.error().text();
  EXPECT_EQ(answer->headers.at("peer"), "");
}

TEST_F(Https, KeepsOneConnectionForManyExchanges) {
  start(server_settings());
  const auto link = client(client_settings());
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(get(*link, i % 2 == 0 ? "/later" : "/now"));
  EXPECT_EQ(server_->figures().accepted, 1U);
  EXPECT_EQ(server_->figures().requests, 50U);
}

TEST_F(Https, ConnectsAnewWhenTheServerCameBack) {
  start(server_settings());
  const std::uint16_t port = server_->port();
  const auto link = client(client_settings());
  ASSERT_TRUE(get(*link, "/a"));
  server_.reset();
  const Result<HttpResponse> silence = get(*link, "/b");
  ASSERT_FALSE(silence);
  EXPECT_EQ(silence.error().code, ErrorCode::Unavailable);
  HttpsServerSettings again = server_settings();
  again.port = port;
  start(again);
  EXPECT_TRUE(get(*link, "/c"));
}

TEST_F(Https, ConnectsAnewAfterAnIdleConnectionWasClosed) {
  HttpsServerSettings settings = server_settings();
  settings.idle_timeout = Duration(50);
  start(settings);
  const auto link = client(client_settings());
  ASSERT_TRUE(get(*link, "/a"));
  await([&] { return server_->figures().connections == 0; });
  EXPECT_TRUE(link->exchange({"POST", "/b", {}, "body"}));
  EXPECT_EQ(server_->figures().accepted, 2U);
}

TEST_F(Https, RefusesAClientOfAForeignAuthority) {
  start(server_settings());
  const Authority foreign;
  HttpsClientSettings settings = client_settings();
  settings.certificate_pem = foreign.issue(client_key_.public_key(), keys::CertificateUse::Client);
  const Result<HttpResponse> answer = get(*client(settings), "/a");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::Unauthenticated) << answer.error().text();
  EXPECT_EQ(server_->figures().requests, 0U);
}

TEST_F(Https, RefusesAServerOfAForeignAuthority) {
  start(server_settings());
  const Authority foreign;
  HttpsClientSettings settings = anonymous_settings();
  settings.authority_pem = foreign.pem;
  const Result<HttpResponse> answer = get(*client(settings), "/a");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::Unauthenticated);
}

TEST_F(Https, RefusesAServerOfAnotherName) {
  HttpsServerSettings settings = server_settings();
  settings.certificate_pem = authority_.issue(server_key_.public_key(), keys::CertificateUse::Server, {"other.example", "10.0.0.1"});
  start(settings);
  EXPECT_EQ(get(*client(client_settings()), "/a").error().code, ErrorCode::Unauthenticated);
  HttpsClientSettings by_name = client_settings();
  by_name.host = "localhost";
  EXPECT_EQ(get(*client(by_name), "/a").error().code, ErrorCode::Unauthenticated);
}

TEST_F(Https, KnowsAServerByItsName) {
  start(server_settings());
  HttpsClientSettings settings = client_settings();
  settings.host = "localhost";
  const Result<HttpResponse> answer = get(*client(settings), "/a");
  EXPECT_TRUE(answer) << answer.error().text();
}

TEST_F(Https, RefusesAClientCertificateUsedByAServer) {
  HttpsServerSettings settings = server_settings();
  settings.certificate_pem = authority_.issue(server_key_.public_key(), keys::CertificateUse::Client, {});
  start(settings);
  EXPECT_EQ(get(*client(client_settings()), "/a").error().code, ErrorCode::Unauthenticated);
}

TEST_F(Https, RefusesCertificatesOutsideTheirTimeByTheGivenClock) {
  start(server_settings());
  for (const Instant moment : {expires + Duration(1'000), issued - Duration(86'400'000)}) {
    clock_.set(moment);
    const Result<HttpResponse> answer = get(*client(client_settings()), "/a");
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, ErrorCode::Unauthenticated) << answer.error().text();
  }
  clock_.set(expires - Duration(1'000));
  EXPECT_TRUE(get(*client(client_settings()), "/a"));
}

TEST_F(Https, JudgesAClientByTheServersClockEvenOnAKeptConnection) {
  start(server_settings());
  SetClock client_clock(today);
  const auto link = *make_https_client(client_settings(), client_clock);
  ASSERT_TRUE(get(*link, "/a"));
  clock_.set(expires + Duration(1'000));
  const Result<HttpResponse> answer = get(*link, "/b");
  ASSERT_TRUE(answer) << answer.error().text();
  EXPECT_EQ(answer->status, 401);
  const Result<HttpResponse> anew = get(*link, "/c");
  ASSERT_FALSE(anew);
  EXPECT_EQ(anew.error().code, ErrorCode::Unauthenticated) << anew.error().text();
}

TEST_F(Https, RefusesBodiesOverTheLimitBeforeReadingThem) {
  HttpsServerSettings settings = server_settings();
  settings.body_max = kibibytes(1'024);
  settings.anonymous_body_max = kibibytes(4);
  start(settings);
  const auto link = client(client_settings());
  EXPECT_EQ(link->exchange({"PUT", "/a", {}, std::string(1 << 20, 'x')})->status, 200);
  const Result<HttpResponse> large = link->exchange({"PUT", "/a", {}, std::string((1 << 20) + 1, 'x')});
  ASSERT_TRUE(large) << large.error().text();
  EXPECT_EQ(large->status, 413);
  const Result<HttpResponse> huge = link->exchange({"PUT", "/a", {}, std::string(30 << 20, 'x')});
  ASSERT_TRUE(huge) << huge.error().text();
  EXPECT_EQ(huge->status, 413);
  const auto nobody = client(anonymous_settings());
  EXPECT_EQ(nobody->exchange({"PUT", "/a", {}, std::string(4'097, 'x')})->status, 413);
  EXPECT_EQ(link->exchange({"PUT", "/echo", {}, std::string(1'000, 'y')})->body, std::string(1'000, 'y'));
}

TEST_F(Https, RefusesAnswersOverTheLimit) {
  start(server_settings());
  HttpsClientSettings settings = client_settings();
  settings.body_max = kibibytes(1'000);
  const auto link = client(settings);
  EXPECT_EQ(get(*link, "/large").error().code, ErrorCode::LimitExceeded);
  EXPECT_TRUE(get(*link, "/small"));
}

TEST_F(Https, RefusesHeadersOverTheLimitAndTargetsThatAreNoPath) {
  start(server_settings());
  const auto link = client(client_settings());
  EXPECT_EQ(link->exchange({"GET", "/a", {{"long", std::string(20'000, 'x')}}, ""})->status, 431);
  EXPECT_EQ(get(*link, "/" + std::string(5'000, 'a'))->status, 400);
  EXPECT_EQ(get(*link, "no-path").error().code, ErrorCode::InvalidInput);
  EXPECT_EQ(link->exchange({"GET", "/a", {{"x", "a\r\ninjected: 1"}}, ""}).error().code, ErrorCode::InvalidInput);
  EXPECT_EQ(get(*link, "/a b").error().code, ErrorCode::InvalidInput);
  EXPECT_EQ(link->exchange({"BREW", "/a", {}, ""}).error().code, ErrorCode::InvalidInput);
}

TEST_F(Https, AnswersForAHandlerThatForgetsOrSleeps) {
  HttpsServerSettings settings = server_settings();
  settings.answer_timeout = Duration(100);
  std::vector<fleet::api::Responder> kept;
  auto server = HttpsServer::open(settings, clock_);
  ASSERT_TRUE(server);
  server_ = *std::move(server);
  server_->start([&](const fleet::api::Request& request, fleet::api::Responder respond) {
    if (request.target == "/sleep") kept.push_back(std::move(respond));
  });
  const auto link = client(client_settings());
  EXPECT_EQ(get(*link, "/forget")->status, 500);
  EXPECT_EQ(get(*link, "/sleep")->status, 503);
  server_->stop();
  for (const fleet::api::Responder& respond : kept) respond({});  // too late, and harmless
  server_.reset();
  kept.clear();
}

TEST_F(Https, TheFirstAnswerCounts) {
  auto server = HttpsServer::open(server_settings(), clock_);
  ASSERT_TRUE(server);
  server_ = *std::move(server);
  server_->start([&](const fleet::api::Request&, const fleet::api::Responder& respond) {
    respond({201, {}, "first"});
    respond({202, {}, "second"});
  });
  const auto link = client(client_settings());
  for (int i = 0; i < 3; ++i) EXPECT_EQ(get(*link, "/a")->body, "first");
}

TEST_F(Https, ShedsThoseWhoConnectAndSayNothing) {
  HttpsServerSettings settings = server_settings();
  settings.handshakes_max = 4;
  settings.handshake_grace = Duration(20);
  start(settings);
  std::vector<int> rude;
  for (int i = 0; i < 12; ++i) rude.push_back(rude_connection());
  const auto link = client(client_settings());
  const Result<HttpResponse> answer = get(*link, "/a");
  EXPECT_TRUE(answer) << answer.error().text();
  for (std::size_t i = 0; i < 8; ++i) EXPECT_TRUE(is_closed(rude[i])) << i;
  for (std::size_t i = 8; i < rude.size(); ++i) ::close(rude[i]);
}

TEST_F(Https, CutsOffAHandshakeThatNeverEnds) {
  HttpsServerSettings settings = server_settings();
  settings.handshake_timeout = Duration(60);
  start(settings);
  EXPECT_TRUE(is_closed(rude_connection()));
  await([&] { return server_->figures().timed_out == 1; });
}

TEST_F(Https, CutsOffHeadersAndBodiesThatComeTooSlowly) {
  HttpsServerSettings settings = server_settings();
  settings.header_timeout = Duration(60);
  settings.body_timeout = Duration(60);
  start(settings);
  EXPECT_TRUE(is_cut_off_after("G"));
  EXPECT_TRUE(is_cut_off_after("GET / HTTP/1.1\r\nhost: a\r\nx"));
  EXPECT_TRUE(is_cut_off_after("PUT / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\n12345"));
  await([&] { return server_->figures().timed_out == 3; });
}

TEST_F(Https, TimesOutWhenTheServerIsSilent) {
  HttpsServerSettings settings = server_settings();
  auto server = HttpsServer::open(settings, clock_);
  ASSERT_TRUE(server);
  server_ = *std::move(server);  // listens, but was never started
  HttpsClientSettings impatient = client_settings();
  impatient.timeout = Duration(80);
  const Result<HttpResponse> answer = get(*client(impatient), "/a");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::Unavailable);
}

TEST_F(Https, LimitsConnectionsFromOneAddress) {
  HttpsServerSettings settings = server_settings();
  settings.address_connections_max = 2;
  start(settings);
  const auto first = client(client_settings());
  const auto second = client(client_settings());
  const auto third = client(client_settings());
  EXPECT_TRUE(get(*first, "/a"));
  EXPECT_TRUE(get(*second, "/a"));
  EXPECT_FALSE(get(*third, "/a"));
  EXPECT_TRUE(get(*first, "/a"));
  await([&] { return server_->figures().refused == 1; });
}

TEST_F(Https, RunsPostedAndRepeatedWorkOnOneThread) {
  start(server_settings());
  std::promise<std::thread::id> posted;
  server_->post([&] { posted.set_value(std::this_thread::get_id()); });
  const std::thread::id loop = posted.get_future().get();
  EXPECT_TRUE(loop != std::this_thread::get_id());
  std::promise<void> thrice;
  int runs = 0;
  server_->run_every(Duration(1), [&, loop] {
    EXPECT_TRUE(std::this_thread::get_id() == loop);
    if (++runs == 3) thrice.set_value();
  });
  EXPECT_EQ(thrice.get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready);
  server_->stop();
}

TEST_F(Https, RefusesToOpenWithUnusableKeys) {
  HttpsServerSettings settings = server_settings();
  settings.private_key_pem = client_key_.pem();
  EXPECT_EQ(HttpsServer::open(settings, clock_).error().code, ErrorCode::InvalidInput);
  settings = server_settings();
  settings.authority_pem = "nonsense";
  EXPECT_EQ(HttpsServer::open(settings, clock_).error().code, ErrorCode::InvalidInput);
  start(server_settings());
  HttpsServerSettings taken = server_settings();
  taken.port = server_->port();
  EXPECT_EQ(HttpsServer::open(taken, clock_).error().code, ErrorCode::Unavailable);
  HttpsClientSettings half = client_settings();
  half.private_key_pem.clear();
  EXPECT_EQ(make_https_client(half, clock_).error().code, ErrorCode::InvalidInput);
}

TEST_F(Https, ServesManyClientsAtOnce) {
  start(server_settings());
  std::vector<std::future<int>> clients;
  for (int i = 0; i < 8; ++i)
    clients.push_back(std::async(std::launch::async, [this] {
      const auto link = client(client_settings());
      int good = 0;
      for (int j = 0; j < 25; ++j) {
        const std::string body = std::to_string(j);
        const Result<HttpResponse> answer = link->exchange({"POST", "/echo", {}, body});
        good += answer && answer->body == body ? 1 : 0;
      }
      return good;
    }));
  for (std::future<int>& each : clients) EXPECT_EQ(each.get(), 25);
}

}  // namespace
}  // namespace agent::link
