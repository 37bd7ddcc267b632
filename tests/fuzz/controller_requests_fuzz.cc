// links: fleet_api fleet_operations tests_fakes
// The first byte chooses a route or the message channel, the second who calls; the rest is the body, or a message of a machine.
#include <cstdint>
#include <memory>
#include <string_view>

#include "agent/contract/messages.pb.h"
#include "agent/link/session.h"
#include "fleet/api/api.h"
#include "fleet/operations/operations.h"
#include "images/keys/certificates.h"
#include "images/keys/statement.h"
#include "policies/loading/loading.h"
#include "policies/terms/iana_zone.h"
#include "tests/fakes/memory_elements.h"
#include "tests/fakes/memory_store.h"

namespace {

using namespace policies::vocabulary;
namespace contract = agent::contract;
namespace keys = images::keys;
namespace operations = fleet::operations;

constexpr std::uint8_t message_channel = 0xff;
constexpr std::size_t inputs_a_life = 5'000;

const Instant now{std::chrono::seconds(1'800'000'000)};

// A controller with a line, a client, staff and one leased machine.
class Controller {
 public:
  Controller()
      : rules_(*policies::loading::load_rules(policies::loading::default_rules_folder())),
        authority_(*keys::PrivateKey::generate(keys::KeyKind::MachineKey)),
        line_(*keys::PrivateKey::generate(keys::KeyKind::SigningKey)),
        machine_(*keys::PrivateKey::generate(keys::KeyKind::MachineKey)) {
    const std::string pem = *keys::make_authority(authority_, "fuzz", now - std::chrono::hours(1), now + std::chrono::hours(9'000));
    operations_ = std::make_unique<operations::Operations>(operations::Settings{}, operations::Keys{authority_, pem, line_}, rules_, zones_, elements_);
    must(operations_->load(store_, now).has_value());
    fleet::store::Batch batch;
    must(operations_->register_line({.id = PartyId("line"), .public_key_pem = line_.public_key().pem()}, "staff", now, batch).has_value());
    add("acme", fleet::registry::Role::Client);
    add("anna", fleet::registry::Role::Staff);
    enrol();
    machine_caller_ = operations_->who(KeyId(machine_.id().text));
    session_.open(std::string(16, 's'));
  }

  void request(const fleet::api::Route& route, std::uint8_t caller, std::string_view text) {
    fleet::api::Request request;
    request.method = route.method;
    // The first line stands for what is in the path and the query.
    const std::size_t line = text.find('\n');
    const std::string word(text.substr(0, std::min<std::size_t>(line, 256)));
    request.body = line == std::string_view::npos ? "" : std::string(text.substr(line + 1));
    request.headers = {{"leaseback-ticket", word}, {"range", word}, {"idempotency-key", word}};
    const std::vector<fleet::registry::Caller> callers = {{}, machine_caller_, clients_[0], clients_[1]};
    fleet::api::Call call{request, callers[caller % callers.size()], "fuzz", {word, word}, {{"from", word}, {"party", word}, {"to", word}}, now};
    if (route.audience == fleet::api::Audience::Machine && call.caller.machine.empty()) return;
    fleet::api::Context context{*operations_, store_};
    fleet::store::Batch batch;
    (void)route.serve(context, call, batch);
  }

  void message(std::string_view bytes) {
    contract::Message message;
    if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return;
    if (!session_.send(message)) return;
    fleet::store::Batch batch;
    const auto answer = operations_->messages(machine_caller_.machine, agent::link::encode_frame(session_.frame()), "", now, batch);
    if (!answer) {
      // Nested so deeply that it does not fit in a frame. Such a machine has only itself to blame: it begins anew.
      invariant(answer.error().code == ErrorCode::InvalidInput, "an exchange failed: " + answer.error().text());
      session_ = agent::link::Session(agent::link::Session::End::Machine, {}, {});
      session_.open(keys::random_bytes(16));
      return;
    }
    must(session_.take(*agent::link::decode_frame(*answer)).has_value());
  }

 private:
  static void must(bool holds) { invariant(holds, "what must succeed failed"); }
  void add(const std::string& id, fleet::registry::Role role) {
    fleet::store::Batch batch;
    const auto key = *keys::PrivateKey::generate(keys::KeyKind::MachineKey);
    must(operations_->add_party({.id = PartyId(id), .name = id, .roles = {role}, .public_key_pem = key.public_key().pem()}, "staff", now, batch).has_value());
    clients_.push_back(operations_->who(key.id()));
  }
  void enrol() {
    const policies::terms::Terms& terms = **rules_.find_terms(TermsId("home-night"));
    contract::Voucher voucher{"SN-1", MachineId(machine_.id().text), OrderId("order-1"), PartyId("alice"), "home-pc", terms.id,
                              static_cast<std::uint32_t>(terms.version), {}, OfferId("home"), "America/Chicago", keys::sha256("plan"), Bytes{6'000'000'000}, 1'000, now};
    voucher.terms_digest = keys::sha256(policies::terms::canonical_text(terms, voucher.zone));
    const contract::Consent consent{voucher.machine, voucher.terms_digest, contract::Choice::Accepted, "alice", now};
    const contract::Enrolment enrolment{voucher.machine, machine_.public_key().pem(),
                                        *keys::sign_statement(contract::voucher_type, contract::payload_of(voucher), line_),
                                        *keys::sign_statement(contract::consent_type, contract::payload_of(consent), machine_), operations_->nonce(now).nonce, now};
    fleet::store::Batch batch;
    must(operations_->enrol(*keys::sign_statement(contract::enrolment_type, contract::payload_of(enrolment), machine_), now, batch).has_value());
  }

  policies::loading::Rules rules_;
  policies::terms::IanaZoneRules zones_;
  tests::fakes::MemoryStore store_;
  tests::fakes::MemoryElements elements_;
  keys::PrivateKey authority_;
  keys::PrivateKey line_;
  keys::PrivateKey machine_;
  std::unique_ptr<operations::Operations> operations_;
  std::vector<fleet::registry::Caller> clients_;
  fleet::registry::Caller machine_caller_;
  agent::link::Session session_{agent::link::Session::End::Machine, {}, {}};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  static const std::vector<fleet::api::Route> routes = fleet::api::all_routes();
  static std::unique_ptr<Controller> controller;
  static std::size_t inputs = 0;
  if (size < 2) return 0;
  if (!controller || ++inputs % inputs_a_life == 0) controller = std::make_unique<Controller>();
  const std::string_view rest(reinterpret_cast<const char*>(bytes) + 2, size - 2);
  if (bytes[0] == message_channel)
    controller->message(rest);
  else
    controller->request(routes[bytes[0] % routes.size()], bytes[1], rest);
  return 0;
}
