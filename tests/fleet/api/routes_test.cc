// Goal: every route answers those it is for and nobody else, says what API.md says, and answers only what is durable.
// Method: the real HTTPS server with the real routes over a controller in memory; six callers with certificates of their own
// (none, a machine, another machine, a client, another client, staff) try every route that all_routes() lists.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "agent/link/http.h"
#include "fleet/api/api.h"
#include "fleet/objects/objects.h"
#include "images/keys/certificates.h"
#include "images/keys/sealing.h"
#include "images/keys/statement.h"
#include "tests/fleet/operations/rig.h"

namespace tests::fleet_api {
namespace {

using namespace tests::fleet_operations;
namespace api = fleet::api;
namespace json = boost::json;
using agent::link::HttpRequest;
using agent::link::HttpResponse;

class RigClock final : public Clock {
 public:
  explicit RigClock(const Rig& rig) : rig_(rig) {}
  [[nodiscard]] Instant now() const override { return rig_.now; }

 private:
  const Rig& rig_;
};

std::string replaced(std::string text, const std::string& what, const std::string& with) {
  const std::size_t at = text.find(what);
  return at == std::string::npos ? text : text.replace(at, what.size(), with);
}

class Routes : public ::testing::Test {
 protected:
  Routes() : clock_(rig_), committer_(rig_.store), mine_(rig_, "SN-1", "alice"), other_(rig_, "SN-2", "bob") {
    server_key_ = keys::PrivateKey::generate(keys::KeyKind::MachineKey)->pem();
    const auto key = *keys::PrivateKey::from_pem(server_key_);
    api::HttpsServerSettings settings;
    settings.port = 0;
    settings.certificate_pem = *keys::issue_certificate({"server", key.public_key(), keys::CertificateUse::Server, {"127.0.0.1"}, rig_.now - hours(1), rig_.now + hours(24 * 400)},
                                                        rig_.authority, rig_.authority_pem);
    settings.private_key_pem = server_key_;
    settings.authority_pem = rig_.authority_pem;
    const auto mine = mine_.enrol(contract::Choice::Accepted);
    const auto other = other_.enrol(contract::Choice::Accepted);
    mine_.introduce();
    mine_.settle();
    put_object();
    submit_job();
    server_ = *api::HttpsServer::open(settings, clock_);
    api_ = std::make_unique<api::Api>(rig_.ops(), rig_.store, committer_, clock_);
    server_->start([this](const api::Request& request, api::Responder respond) { api_->handle(request, std::move(respond)); });
    callers_["none"] = connect("", "");
    callers_["machine"] = connect(mine->certificate_pem, mine_.key.pem());
    callers_["other machine"] = connect(other->certificate_pem, other_.key.pem());
    callers_["client"] = connect(party("acme", fleet::registry::Role::Client, rig_.client_key), rig_.client_key.pem());
    const auto rival = *keys::PrivateKey::generate(keys::KeyKind::MachineKey);
    callers_["other client"] = connect(party("rival", fleet::registry::Role::Client, rival), rival.pem());
    const auto staff = *keys::PrivateKey::generate(keys::KeyKind::MachineKey);
    callers_["staff"] = connect(party("anna", fleet::registry::Role::Staff, staff), staff.pem());
  }
  ~Routes() override { server_->stop(); }

  static std::chrono::hours hours(int count) { return std::chrono::hours(count); }

  std::string party(const std::string& id, fleet::registry::Role role, const keys::PrivateKey& key) {
    const auto answer = rig_.use([&](auto& o, auto& b) {
      return o.add_party({.id = PartyId(id), .name = id, .roles = {role}, .public_key_pem = key.public_key().pem()}, "staff", rig_.now, b);
    });
    EXPECT_TRUE(answer);
    return answer->certificate_pem;
  }
  std::unique_ptr<agent::link::HttpExchange> connect(const std::string& certificate, const std::string& key) {
    agent::link::HttpsClientSettings settings;
    settings.host = "127.0.0.1";
    settings.port = server_->port();
    settings.authority_pem = rig_.authority_pem;
    settings.certificate_pem = certificate;
    settings.private_key_pem = key;
    auto client = agent::link::make_https_client(settings, clock_);
    EXPECT_TRUE(client);
    return *std::move(client);
  }
  void put_object() {
    const auto sealed = *fleet::objects::seal_object(ObjectId("object-1"), "content", {"a", "", {}, {}, rig_.now}, {1, 2}, std::string(32, 's'));
    fleet::placement::ObjectOrder order{ObjectId("object-1"), rig_.client.party, keys::base64_of(sealed.sealed_facts), 1, 2, {}};
    for (const auto& shard : sealed.shards) {
      digest_ = shard.digest.text;
      EXPECT_TRUE(rig_.use([&](auto& o, auto& b) { return o.put_element(rig_.client, shard.digest, sealed.shard_bytes[shard.index], "", rig_.now, b); }));
      order.shards.push_back({static_cast<std::uint32_t>(shard.index), shard.digest, shard.size});
    }
    EXPECT_TRUE(rig_.use([&](auto& o, auto& b) { return o.put_object(order, rig_.now, b); }));
  }
  void submit_job() {
    EXPECT_TRUE(rig_.use([&](auto& o, auto& b) { return o.put_element(rig_.client, keys::sha256("program"), "program", "", rig_.now, b); }));
    fleet::scheduler::JobOrder order;
    order.client = rig_.client.party;
    order.name = "job";
    order.entry = "program";
    order.elements = {{"program", keys::sha256("program"), Bytes{7}, true}};
    order.tasks = {{{}, "{}"}};
    const auto job = rig_.use([&](auto& o, auto& b) { return o.submit_job(order, rig_.now, b); });
    EXPECT_TRUE(job);
    job_ = job->job.text;
  }

  HttpResponse ask(const std::string& caller, const std::string& method, const std::string& target, const std::string& body = "") {
    HttpRequest request;
    request.method = method;
    request.target = target;
    request.body = body;
    const auto answer = callers_.at(caller)->exchange(request);
    EXPECT_TRUE(answer) << method << " " << target << " by " << caller << ": " << (answer ? "" : answer.error().text());
    return answer.value_or(HttpResponse{0, {}, ""});
  }
  // A path of the route that leads to something of "machine" or "client".
  [[nodiscard]] std::string target_of(const api::Route& route) const {
    std::string path = route.pattern;
    path = replaced(path, "/v1/machines/{id}", "/v1/machines/" + mine_.id.text);
    path = replaced(path, "/v1/agreements/{id}", "/v1/agreements/agreement-000001");
    path = replaced(path, "/v1/parties/{id}", "/v1/parties/acme");
    path = replaced(path, "/v1/objects/{id}", "/v1/objects/object-1");
    path = replaced(path, "/v1/jobs/{id}", "/v1/jobs/" + job_);
    path = replaced(path, "{digest}", digest_);
    path = replaced(path, "{number}", "1");
    EXPECT_EQ(path.find('{'), std::string::npos) << route.pattern << ": this test knows nothing to put there";
    return path;
  }

  Rig rig_;
  RigClock clock_;
  fleet::store::DirectCommitter committer_;
  ScriptedMachine mine_;
  ScriptedMachine other_;
  std::string server_key_;
  std::string digest_;
  std::string job_;
  std::unique_ptr<api::HttpsServer> server_;
  std::unique_ptr<api::Api> api_;
  std::map<std::string, std::unique_ptr<agent::link::HttpExchange>> callers_;
};

bool admits(api::Audience audience, const std::string& caller) {
  const bool machine = caller.ends_with("machine");
  const bool client = caller.ends_with("client");
  switch (audience) {
    case api::Audience::Anyone: return true;
    case api::Audience::Machine: return machine;
    case api::Audience::Client: return client;
    case api::Audience::MachineOrClient: return machine || client;
    case api::Audience::Staff: return caller == "staff";
  }
  return false;
}

TEST_F(Routes, AnswerOnlyThoseTheyAreFor) {
  std::vector<api::Route> routes = api::all_routes();
  // What deletes comes last, so that every other route finds its things.
  std::stable_sort(routes.begin(), routes.end(), [](const auto& a, const auto& b) { return (a.method == "DELETE") < (b.method == "DELETE"); });
  ASSERT_GT(routes.size(), 30U);
  for (const std::string caller : {"none", "other machine", "other client", "machine", "client", "staff"})
    for (const api::Route& route : routes) {
      const HttpResponse answer = ask(caller, route.method, target_of(route));
      const std::string what = route.method + " " + route.pattern + " by " + caller + ": " + std::to_string(answer.status) + " " + answer.body;
      if (!admits(route.audience, caller)) {
        EXPECT_EQ(answer.status, caller == "none" ? 401 : 403) << what;
      } else if (caller == "other client" && route.pattern.find("{id}") != std::string::npos) {
        EXPECT_EQ(answer.status, 404) << what;  // another's object or job: not even that it is there
      } else if (caller == "other machine" && route.pattern.find("{id}") != std::string::npos) {
        EXPECT_EQ(answer.status, 403) << what;
      } else if (caller == "other client" && route.method == "GET" && route.pattern.find("{digest}") != std::string::npos) {
        EXPECT_EQ(answer.status, 403) << what;
      } else if (caller.ends_with("machine") && route.pattern.find("{digest}") != std::string::npos) {
        EXPECT_EQ(answer.status, 403) << what;  // no ticket was shown
      } else {
        EXPECT_NE(answer.status, 401) << what;
        EXPECT_NE(answer.status, 403) << what;
        EXPECT_LT(answer.status, 500) << what;
      }
    }
}

TEST_F(Routes, AreThoseOfTheDocument) {
  std::ifstream file(LEASEBACK_SOURCE_DIR "/fleet/api/API.md");
  std::stringstream text;
  text << file.rdbuf();
  const std::string document = text.str();
  std::set<std::string> written;
  const std::regex pattern("`?(GET|PUT|POST|DELETE) (/v1/[a-z/{}-]+)");
  for (auto found = std::sregex_iterator(document.begin(), document.end(), pattern); found != std::sregex_iterator(); ++found)
    written.insert((*found)[1].str() + " " + (*found)[2].str());
  std::set<std::string> served;
  for (const api::Route& route : api::all_routes()) {
    served.insert(route.method + " " + route.pattern);
    const bool resume = route.pattern == "/v1/jobs/{id}/resume" && document.find("`.../resume`") != std::string::npos;
    EXPECT_TRUE(resume || written.contains(route.method + " " + route.pattern)) << route.method << " " << route.pattern << " is not in API.md";
  }
  for (const std::string& one : written) EXPECT_TRUE(served.contains(one)) << one << " is in API.md but not served";
}

TEST_F(Routes, TellPeopleWhatSupportNeeds) {
  const auto machine = json::parse(ask("staff", "GET", "/v1/machines/" + mine_.id.text).body).as_object();
  for (const char* field : {"state", "state_since", "owner", "agreement", "last_seen", "window", "shards", "running", "earned", "history", "allocations", "held"})
    EXPECT_TRUE(machine.contains(field)) << field;
  EXPECT_EQ(machine.at("state").as_string(), "leased");
  EXPECT_EQ(machine.at("window").as_string(), "open");
  const auto agreement = json::parse(ask("staff", "GET", "/v1/agreements/agreement-000001").body).as_object();
  EXPECT_EQ(agreement.at("state").as_string(), "active");
  EXPECT_EQ(agreement.at("consent").as_object().at("choice").as_string(), "accepted");
  EXPECT_FALSE(agreement.at("incentives").as_array().empty());
  const auto statement = json::parse(ask("staff", "GET", "/v1/ledger/statement?party=alice").body).as_object();
  EXPECT_FALSE(statement.at("lines").as_array().empty());
  const auto entry = json::parse(ask("staff", "GET", "/v1/ledger/entries/1").body).as_object();
  EXPECT_TRUE(entry.at("explanation").as_object().at("agrees").as_bool());
  const auto verified = json::parse(ask("staff", "GET", "/v1/ledger/verify").body).as_object();
  EXPECT_TRUE(verified.at("balanced").as_bool());
}

TEST_F(Routes, CarryFramesElementsAndRanges) {
  agent::link::Session session(agent::link::Session::End::Machine, {}, {});
  session.open(keys::random_bytes(16));
  const HttpResponse frame = ask("other machine", "POST", "/v1/machines/" + other_.id.text + "/messages", agent::link::encode_frame(session.frame()));
  ASSERT_EQ(frame.status, 200);
  EXPECT_EQ(frame.headers.at("content-type"), "application/vnd.leaseback.frame");
  EXPECT_TRUE(session.take(*agent::link::decode_frame(frame.body)));
  const std::string digest = keys::sha256("0123456789").text;
  EXPECT_EQ(ask("client", "PUT", "/v1/elements/" + digest, "0123456789").status, 201);
  EXPECT_EQ(ask("client", "PUT", "/v1/elements/" + digest, "0123456789").status, 200);
  EXPECT_EQ(ask("client", "PUT", "/v1/elements/" + digest, "changed").status, 400);
  HttpRequest range{"GET", "/v1/elements/" + digest, {{"range", "bytes=4-"}}, ""};
  const auto part = callers_.at("client")->exchange(range);
  ASSERT_TRUE(part);
  EXPECT_EQ(part->status, 206);
  EXPECT_EQ(part->body, "456789");
}

TEST_F(Routes, GiveAMachineItsOwnSlotKeyAndNobodyElses) {
  contract::SlotKeys slots;
  slots.purposes = {"controller", "recovery"};
  slots.keys = {std::string(64, '1'), std::string(64, '2')};
  contract::Escrow escrow{mine_.facts.serial, mine_.id, mine_.facts.order, "0f3b8c52-1c9e-4d4c-8a57-0d3f5f3c6a11", rig_.escrow.id(), "", std::chrono::floor<std::chrono::seconds>(rig_.now)};
  escrow.sealed = keys::base64_of(*keys::seal_to(rig_.escrow.public_key(), contract::payload_of(slots), contract::escrow_context(escrow)));
  const std::string dsse = *keys::sign_statement(contract::escrow_type, contract::payload_of(escrow), rig_.line);
  const std::string mine = "/v1/machines/" + mine_.id.text + "/slot-key";
  EXPECT_EQ(ask("machine", "POST", mine).status, 404) << "nothing was escrowed";
  for (const char* imported : {"1", "0"}) {
    const HttpResponse answer = ask("staff", "POST", "/v1/vouchers", json::serialize(json::object{{"escrows", json::array{json::value(dsse)}}}));
    EXPECT_EQ(answer.status, 200) << answer.body;
    EXPECT_NE(answer.body.find(std::string("\"escrowed\":") + imported), std::string::npos) << answer.body;
  }
  const HttpResponse given = ask("machine", "POST", mine);
  ASSERT_EQ(given.status, 200) << given.body;
  EXPECT_EQ(json::parse(given.body).as_object().at("key").as_string(), slots.keys[0]);
  EXPECT_EQ(given.headers.at("cache-control"), "no-store");
  for (const std::string caller : {"none", "other machine", "client", "staff"}) EXPECT_GE(ask(caller, "POST", mine).status, 401) << caller;
  EXPECT_EQ(ask("other machine", "POST", "/v1/machines/" + other_.id.text + "/slot-key").status, 404);
  const HttpResponse events = ask("staff", "GET", "/v1/events?from=1");
  EXPECT_NE(events.body.find("slot-key-handed-out"), std::string::npos);
  EXPECT_EQ(events.body.find(slots.keys[0]), std::string::npos);
}

TEST_F(Routes, RefuseBrokenBodiesByName) {
  const auto code_of = [](const HttpResponse& answer) { return std::string(json::parse(answer.body).as_object().at("code").as_string()); };
  for (const std::string body : {"", "{", "[]", "{\"line\": 1}", "{\"line\": \"x\", \"surprise\": true}", "\xff\xfe"}) {
    const HttpResponse answer = ask("staff", "POST", "/v1/lines", body);
    EXPECT_EQ(answer.status, 400) << body;
    EXPECT_EQ(code_of(answer), "invalid-input") << body;
  }
  std::string deep;
  for (int i = 0; i < 2'000; ++i) deep += "[";
  EXPECT_EQ(ask("client", "POST", "/v1/jobs", deep).status, 400);
  EXPECT_EQ(ask("staff", "GET", "/v1/nothing").status, 404);
  EXPECT_EQ(ask("staff", "DELETE", "/v1/lines").status, 405);
  EXPECT_EQ(ask("staff", "GET", "/v1/machines/zz").status, 404);
}

TEST_F(Routes, AnswerNothingThatCouldNotBeMadeDurable) {
  rig_.store.fail_next_commit(ErrorCode::IoFailure);
  const auto key = *keys::PrivateKey::generate(keys::KeyKind::SigningKey);
  const json::object line{{"line", "line-2"}, {"name", "Line 2"}, {"public_key_pem", key.public_key().pem()}};
  EXPECT_EQ(ask("staff", "POST", "/v1/lines", json::serialize(line)).status, 500);
  EXPECT_TRUE(api_->broken());
  EXPECT_EQ(ask("staff", "GET", "/v1/health").status, 503);
}

}  // namespace
}  // namespace tests::fleet_api
