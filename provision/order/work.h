// What an order, its rules and a disk say together: the work to do. Pure.
//
// A customer who declined at order time gets a machine without any of it: no lease partition, no agent, no key, no
// voucher. One who has not answered yet gets a machine that is prepared, and answers at first boot.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "agent/contract/terms_document.h"
#include "policies/loading/loading.h"
#include "provision/disk/disk_facts.h"
#include "provision/disk/disk_plan.h"
#include "provision/network/presets.h"

namespace provision::order {
using namespace policies::vocabulary;

enum class AgentChoice { Installed, None };

struct Work {
  OrderId order;
  policies::terms::OrderKind kind = policies::terms::OrderKind::NewMachine;
  PartyId owner;
  std::string serial;  // of the machine
  std::string model;
  std::string zone;
  policies::terms::LeaseChoice lease_choice = policies::terms::LeaseChoice::OpenUntilFirstBoot;
  policies::terms::Hardware ordered;
  policies::terms::Hardware given;                   // with the upgrades of the offer
  std::optional<policies::terms::Hardware> present;  // retrofit only
  Bytes lease;                                       // of the disk given; 0 when declined
  Bytes lease_on_present;                            // retrofit only: of the disk that the machine has now
  AgentChoice agent = AgentChoice::None;
  TermsId terms;  // empty when declined, with the four below
  std::uint32_t terms_version = 0;
  agent::contract::TermsDocument terms_document;
  OfferId offer;
  policies::terms::ModelParts parts;        // of the model
  policies::terms::ModelFirmware firmware;  // for whoever declined: remote wake and the administrator's lock off
  std::string indicator_led;                // empty: none, and always when declined
  network::Presets presets;
  // Where the passphrase of presets.wifi is to be read from, as the order names it; empty when it is there or none is needed.
  std::string wifi_passphrase_file;
};

// The controller's URL is where the agent calls: its port goes into the firewall's rules. Empty where the machine is
// told later; ignored when no agent is installed. InvalidInput for presets that cannot be, NotFound for rules that are
// not there.
Result<Work> work_for(const policies::loading::Rules& rules, policies::terms::Order order,
                      const std::string& controller_url);

// Puts the passphrase in its place: the content of that file, with at most one newline at its end. InvalidInput when no
// network would take it; the error does not repeat it.
Done set_wifi_passphrase(Work& work, std::string text);

// The size of the image file that stands for the disk of this work.
Bytes disk_size(const Work& work);

// Whether a disk of this size is the one that an order names: no smaller, and at most a tenth larger.
bool is_that_disk(Bytes size, Bytes named);

// What to ask of the disk: sizes and names. Refused, naming both sizes, when the disk is smaller than the one given
// with the order, or more than a tenth larger (a wrong part); for a retrofit also the disk that the machine has now
// will do. `seal` says which keys open the lease partition; it is not read when nothing is leased.
Result<disk::DiskRequest> disk_request(const Work& work, const disk::DiskFacts& facts, disk::LeaseSeal seal);
Result<disk::RetrofitRequest> retrofit_request(const Work& work, const disk::DiskFacts& facts, disk::LeaseSeal seal);

// Decides every UUID of the disk: the same order on the same machine asks for the same disk.
std::string seed_of(const Work& work);

// What the LUKS token says about whose partition this is.
std::map<std::string, std::string> token_facts(const Work& work);

// Lines for people: what is built and why, each incentive that changes the build, what is leased.
std::vector<std::string> explanation(const Work& work);

}  // namespace provision::order
