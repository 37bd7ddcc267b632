#include "provision/order/work.h"

#include <fmt/format.h>

#include "images/keys/keys.h"

namespace provision::order {
namespace {

using policies::terms::FirmwareWish;
using policies::terms::LeaseChoice;
using policies::terms::OrderKind;

constexpr Bytes system_size_min = mebibytes(512);
constexpr Bytes system_size_max = gibibytes(16);
constexpr Bytes small_disk = gibibytes(8);
constexpr Bytes alike_tolerance_divisor{10};

Result<network::Presets> presets_for(const policies::terms::NetworkPresets& ordered) {
  network::Presets presets;
  presets.host_name = ordered.hostname;
  if (ordered.address) presets.fixed = network::FixedAddress{*ordered.address, ordered.gateway.value_or("")};
  presets.name_servers = ordered.name_servers;
  presets.time_servers = ordered.time_servers;
  for (const policies::terms::OrderedPort& port : ordered.inbound) {
    const auto protocol = port.transport == policies::terms::Transport::Tcp ? network::Protocol::Tcp : network::Protocol::Udp;
    presets.inbound.push_back({port.port, protocol, port.name, port.from});
  }
  if (ordered.wifi) presets.wifi = network::Wifi{ordered.wifi->ssid, {}};
  return network::checked(std::move(presets));
}

agent::contract::TermsDocument document_of(const policies::terms::Terms& terms, std::string_view zone) {
  agent::contract::TermsDocument document;
  document.text = policies::terms::plain_text(terms);
  document.canonical = policies::terms::canonical_text(terms, zone);
  document.digest = images::keys::sha256(document.canonical);
  return document;
}

// A disk that the order names, and what is leased of it.
struct NamedDisk {
  Bytes size;
  Bytes lease;
};

// The one that is in front of us.
Result<NamedDisk> named_disk(const Work& work, const disk::DiskFacts& facts) {
  if (is_that_disk(facts.size, work.given.disk)) return NamedDisk{work.given.disk, work.lease};
  std::string wanted = work.given.disk.text();
  if (work.present) {
    if (is_that_disk(facts.size, work.present->disk)) return NamedDisk{work.present->disk, work.lease_on_present};
    wanted += " (after the upgrade) or " + work.present->disk.text() + " (before)";
  }
  return Error{ErrorCode::Refused,
               fmt::format("disk {} has {}, order {} wants {}: put the right disk in, or correct the order", facts.path,
                           facts.size.text(), work.order.text, wanted),
               {}};
}

Bytes system_size(Bytes named) {
  const Bytes quarter{named.count / 4 / disk::alignment.count * disk::alignment.count};
  return std::clamp(quarter, system_size_min, system_size_max);
}

}  // namespace

Result<Work> work_for(const policies::loading::Rules& rules, policies::terms::Order order,
                      const std::string& controller_url) {
  auto full = policies::loading::order_in_full(rules, std::move(order));
  if (!full) return full.error();
  Work work;
  work.order = full->order.id;
  work.kind = full->order.kind;
  work.owner = full->order.customer;
  work.serial = full->order.serial;
  work.model = full->order.model.text;
  work.zone = full->order.zone;
  work.lease_choice = full->order.lease;
  work.ordered = full->quote.ordered;
  work.given = full->quote.given;
  work.present = full->order.present;
  auto presets = presets_for(full->order.network);
  if (!presets) return presets.error().within("reading the network presets of order " + work.order.text);
  work.presets = std::move(*presets);
  if (full->order.network.wifi) work.wifi_passphrase_file = full->order.network.wifi->passphrase_file.value_or("");
  work.parts = full->model.parts;
  work.firmware = full->model.firmware;
  if (work.lease_choice == LeaseChoice::DeclinedAtOrder) {
    work.firmware = {FirmwareWish::Off, FirmwareWish::AsFound, FirmwareWish::Off};
    return work;
  }
  work.indicator_led = full->model.indicator_led;

  if (!controller_url.empty()) {
    const auto port = network::port_of_url(controller_url);
    if (!port) return port.error().within("reading the controller's URL");
    work.presets.controller_port = *port;
  }
  work.agent = AgentChoice::Installed;
  work.lease = full->quote.leased_disk;
  if (work.present) work.lease_on_present = policies::pricing::leased_bytes(full->terms, work.present->disk);
  work.terms = full->terms.id;
  work.terms_version = static_cast<std::uint32_t>(full->terms.version);
  work.terms_document = document_of(full->terms, work.zone);
  work.offer = full->order.offer;
  return work;
}

Done set_wifi_passphrase(Work& work, std::string text) {
  invariant(work.presets.wifi.has_value(), "a passphrase belongs to an ordered wireless network");
  if (text.ends_with('\n')) text.pop_back();
  if (text.empty()) return Error{ErrorCode::InvalidInput, "the file is empty; leave passphrase_file out for an open network", {}};
  network::Presets presets = work.presets;
  presets.wifi->passphrase = std::move(text);
  auto checked = network::checked(std::move(presets));
  if (!checked) return checked.error();
  work.presets = std::move(*checked);
  work.wifi_passphrase_file.clear();
  return {};
}

bool is_that_disk(Bytes size, Bytes named) {
  return size >= named && size.count - named.count <= named.count / alike_tolerance_divisor.count;
}

Bytes disk_size(const Work& work) { return work.given.disk; }

std::string seed_of(const Work& work) { return work.order.text + "\n" + work.serial; }

std::map<std::string, std::string> token_facts(const Work& work) {
  return {{"order", work.order.text},
          {"serial", work.serial},
          {"terms", fmt::format("{} v{}", work.terms.text, work.terms_version)},
          {"terms_digest", work.terms_document.digest.text}};
}

Result<disk::DiskRequest> disk_request(const Work& work, const disk::DiskFacts& facts, disk::LeaseSeal seal) {
  const auto named = named_disk(work, facts);
  if (!named) return named.error();
  disk::DiskRequest request;
  request.seed = seed_of(work);
  // An ESP of half a gigabyte would be a tenth of a small disk, and holds one loader and a few kernels there.
  if (named->size < small_disk) request.esp = disk::esp_size_min;
  request.system = system_size(named->size);
  request.lease = named->lease;
  if (request.lease.count > 0) request.seal = std::move(seal);
  return request;
}

Result<disk::RetrofitRequest> retrofit_request(const Work& work, const disk::DiskFacts& facts, disk::LeaseSeal seal) {
  const auto named = named_disk(work, facts);
  if (!named) return named.error();
  disk::RetrofitRequest request;
  request.seed = seed_of(work);
  request.lease = named->lease;
  request.seal = std::move(seal);
  return request;
}

std::vector<std::string> explanation(const Work& work) {
  std::vector<std::string> lines;
  lines.push_back(fmt::format("order {}: {} {} for {}, {}", work.order.text, work.model, work.serial, work.owner.text,
                              policies::terms::name_of(work.lease_choice)));
  using policies::terms::Component;
  for (const Component component : policies::terms::all_components) {
    const std::uint64_t ordered = amount_of(work.ordered, component);
    const std::uint64_t given = amount_of(work.given, component);
    if (ordered != given)
      lines.push_back(fmt::format("{}: {} ordered, {} given {}", name_of(component), amount_text(component, ordered), amount_text(component, given),
                                  work.agent == AgentChoice::None ? "as in every machine of this model" : "as an incentive"));
  }
  if (work.agent == AgentChoice::None)
    lines.push_back("nothing is leased: no lease partition, no agent");
  else
    lines.push_back(
        fmt::format("leased: {} of the disk, by terms {} v{}", work.lease.text(), work.terms.text, work.terms_version));
  return lines;
}

}  // namespace provision::order
