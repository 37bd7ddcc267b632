#include "fleet/controller/daemon.h"

#include <atomic>
#include <charconv>
#include <memory>

#include "agent/link/http.h"
#include "fleet/api/api.h"
#include "fleet/controller/controller_folder.h"
#include "fleet/operations/operations.h"
#include "fleet/store/committer.h"
#include "fleet/store/folder_elements.h"
#include "fleet/store/sqlite_store.h"
#include "policies/loading/loading.h"
#include "policies/terms/iana_zone.h"

namespace fleet::controller {
namespace {

const PartyId first_staff("admin");

struct Address {
  std::string host;
  std::uint16_t port = 0;
};

Result<Address> address_of(const std::string& listen) {
  const std::size_t colon = listen.rfind(':');
  Address address;
  const char* end = listen.data() + listen.size();
  if (colon == std::string::npos || colon == 0 || colon + 1 == listen.size() ||
      std::from_chars(listen.data() + colon + 1, end, address.port).ptr != end)
    return Error{ErrorCode::InvalidInput, "'" + listen + "' is not an address to listen on, such as 127.0.0.1:8443", {}};
  address.host = listen.substr(0, colon);
  if (address.host.starts_with('[') && address.host.ends_with(']')) address.host = address.host.substr(1, address.host.size() - 2);
  return address;
}

std::vector<std::string> names_of(const Settings& settings, const Address& address) {
  std::vector<std::string> names = {"localhost", "127.0.0.1"};
  for (const std::string& name : settings.names) names.push_back(name);
  if (address.host != "127.0.0.1" && address.host != "0.0.0.0" && address.host != "::") names.push_back(address.host);
  return names;
}

Result<FolderKeys> keys_in_folder(const Settings& settings, const Ports& ports, const Address& address, Instant now) {
  Result<FolderKeys> keys = open_folder(ports.files, settings.folder, names_of(settings, address),
                                        {settings.authority_life, settings.server_certificate_life}, now);
  if (!keys) return keys.error().within("opening the folder " + settings.folder);
  return keys;
}

// The first staff member: registered once, with a fresh certificate at each start.
Result<std::string> staff_certificate(operations::Operations& operations, store::Store& store, const FolderKeys& keys, Instant now) {
  registry::Party party;
  party.id = first_staff;
  party.name = "First administrator";
  party.roles = {registry::Role::Staff};
  party.public_key_pem = keys.staff.public_key().pem();
  party.key = keys.staff.id();
  party.since = now;
  store::Batch batch;
  Result<operations::PartyAnswer> answer = operations.add_party(party, "controller", now, batch);
  if (!answer) return answer.error();
  const store::Batch batches[] = {std::move(batch)};
  if (Done committed = store.commit(batches); !committed) return committed.error();
  return answer->certificate_pem;
}

// Everything that lives as long as the run, in the order in which it is taken down from the end.
struct Parts {
  std::unique_ptr<policies::loading::Rules> rules;
  policies::terms::IanaZoneRules zones;
  std::unique_ptr<store::FolderElements> elements;
  std::unique_ptr<store::SqliteStore> store;
  std::unique_ptr<operations::Operations> operations;
  std::unique_ptr<api::HttpsServer> server;
  std::unique_ptr<store::GroupCommitter> committer;
  std::unique_ptr<api::Api> api;
  std::string url;
};

Done open_model(Parts& parts, const Settings& settings, const Ports& ports, const FolderKeys& keys, Instant now) {
  Result<policies::loading::Rules> rules = policies::loading::load_rules(settings.rules);
  if (!rules) return rules.error().within("reading the rules in " + settings.rules);
  parts.rules = std::make_unique<policies::loading::Rules>(*std::move(rules));
  Result<std::unique_ptr<store::FolderElements>> elements = store::FolderElements::open(ports.files, settings.folder + "/elements");
  if (!elements) return elements.error();
  parts.elements = *std::move(elements);
  Result<std::unique_ptr<store::SqliteStore>> store = store::SqliteStore::open(settings.folder + "/store.sqlite");
  if (!store) return store.error().within("opening the store");
  parts.store = *std::move(store);
  parts.operations = std::make_unique<operations::Operations>(settings.operations, operations::Keys{keys.authority, keys.authority_pem, keys.signing, keys.escrow},
                                                              *parts.rules, parts.zones, *parts.elements);
  return parts.operations->load(*parts.store, now);
}

Done open_server(Parts& parts, const Settings& settings, const Ports& ports, const FolderKeys& keys, const Address& address) {
  api::HttpsServerSettings server = settings.server;
  server.listen_address = address.host;
  server.port = address.port;
  server.certificate_pem = keys.server_certificate_pem;
  server.private_key_pem = keys.server_key_pem;
  server.authority_pem = keys.authority_pem;
  Result<std::unique_ptr<api::HttpsServer>> opened = api::HttpsServer::open(std::move(server), ports.clock);
  if (!opened) return opened.error().within("listening on " + settings.listen);
  parts.server = *std::move(opened);
  const bool any = address.host == "0.0.0.0" || address.host == "::";
  const std::string host = any ? "127.0.0.1" : address.host.find(':') == std::string::npos ? address.host : "[" + address.host + "]";
  parts.url = "https://" + host + ":" + std::to_string(parts.server->port());
  return {};
}

}  // namespace

Done prepare_folder(const Settings& settings, const Ports& ports) {
  Result<Address> address = address_of(settings.listen);
  if (!address) return address.error();
  Result<FolderKeys> keys = keys_in_folder(settings, ports, *address, ports.clock.now());
  return keys ? Done() : Done(keys.error());
}

Done run_controller(const Settings& settings, const Ports& ports) {
  Result<Address> address = address_of(settings.listen);
  if (!address) return address.error();
  const Instant now = ports.clock.now();
  Result<FolderKeys> keys = keys_in_folder(settings, ports, *address, now);
  if (!keys) return keys.error();
  Parts parts;
  if (Done opened = open_model(parts, settings, ports, *keys, now); !opened) return opened;
  Result<std::string> certificate = staff_certificate(*parts.operations, *parts.store, *keys, now);
  if (!certificate) return certificate.error().within("registering the first staff member");
  if (Done opened = open_server(parts, settings, ports, *keys, *address); !opened) return opened;
  if (Done written = write_staff_home(ports.files, settings.folder, *certificate, keys->authority_pem, parts.url); !written) return written;

  parts.committer = std::make_unique<store::GroupCommitter>(*parts.store, [&parts](std::function<void()> work) { parts.server->post(std::move(work)); });
  parts.api = std::make_unique<api::Api>(*parts.operations, *parts.store, *parts.committer, ports.clock);
  std::atomic<bool> broken = false;
  const Duration pause = std::clamp(settings.operations.poll_interval / 4, Duration(50), Duration(1'000));
  parts.server->run_every(pause, [&parts, &broken] {
    parts.api->tick();
    if (parts.api->broken()) broken = true;
  });
  parts.server->start([&parts](const api::Request& request, api::Responder respond) { parts.api->handle(request, std::move(respond)); });
  if (!settings.port_file.empty())
    if (Done written = ports.files.replace(settings.port_file, std::to_string(parts.server->port()) + "\n", images::files::Access::Everyone); !written)
      return written;
  ports.log("serving at " + parts.url);
  while (!broken && !ports.wait_for_stop(Duration(250))) {
  }
  ports.log("stopping");
  parts.server->stop();
  parts.committer.reset();
  if (parts.api->broken()) return parts.api->broken()->within("making a change durable");
  return {};
}

}  // namespace fleet::controller
