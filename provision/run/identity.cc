#include "provision/run/identity.h"

#include <fmt/format.h>

#include "agent/contract/statements.h"
#include "images/keys/key_files.h"
#include "images/keys/statement.h"

namespace provision::run {
namespace {

namespace contract = agent::contract;
using images::files::Access;
using images::keys::PrivateKey;

constexpr Bytes voucher_max{images::keys::statement_size_max};

std::string key_path(const std::string& run_folder) { return run_folder + "/device.key"; }
std::string voucher_path(const std::string& run_folder) { return run_folder + "/voucher.json"; }

Result<std::optional<PrivateKey>> key_in(images::files::Files& files, const std::string& run_folder) {
  const auto there = files.exists(key_path(run_folder));
  if (!there) return there.error();
  if (!*there) return std::optional<PrivateKey>();
  auto key = images::keys::read_private_key(files, key_path(run_folder));
  if (!key) return key.error();
  return std::optional(std::move(*key));
}

// The key on the disk, when the disk is this machine's.
Result<std::optional<PrivateKey>> key_on_disk(const std::optional<install::FoundIdentity>& found,
                                              const order::Work& work) {
  if (!found) return std::optional<PrivateKey>();
  const auto voucher = claimed_voucher(found->voucher);
  if (!voucher) return voucher.error().within("reading the voucher on the disk");
  if (voucher->serial != work.serial) return std::optional<PrivateKey>();
  auto key = PrivateKey::from_pem(found->device_key_pem);
  if (!key) return key.error().within("reading the device key on the disk");
  if (key->id().text != voucher->machine.text)
    return Error{ErrorCode::Corrupt, "the device key on the disk is not the one of its voucher", {}};
  return std::optional(std::move(*key));
}

Result<PrivateKey> settled_key(images::files::Files& files, const std::string& run_folder, const order::Work& work,
                               const std::optional<install::FoundIdentity>& found) {
  auto kept = key_in(files, run_folder);
  if (!kept) return kept.error();
  auto present = key_on_disk(found, work);
  if (!present) return present.error();
  if (*kept && *present && (*kept)->id() != (*present)->id())
    return Error{ErrorCode::Conflict,
                 fmt::format("the disk holds machine {}, but this run began with machine {}: a machine has one key; "
                             "take the disk that the run began with",
                             (*present)->id().text, (*kept)->id().text),
                 {}};
  if (*kept) return std::move(**kept);
  if (*present) return std::move(**present);
  return PrivateKey::generate(images::keys::KeyKind::MachineKey);
}

Escrow new_escrow(const order::Work& work) {
  Escrow escrow;
  escrow.order = work.order;
  escrow.serial = work.serial;
  escrow.purposes = {"controller", "recovery"};
  for (std::size_t i = 0; i < escrow.purposes.size(); ++i)
    escrow.slot_keys.push_back(images::keys::random_bytes(disk::slot_key_size));
  return escrow;
}

contract::Voucher voucher_for(const order::Work& work, const disk::DiskPlan& plan, const MachineId& machine,
                              Instant now) {
  contract::Voucher voucher;
  voucher.serial = work.serial;
  voucher.machine = machine;
  voucher.order = work.order;
  voucher.owner = work.owner;
  voucher.model = work.model;
  voucher.terms = work.terms;
  voucher.terms_version = work.terms_version;
  voucher.terms_digest = work.terms_document.digest;
  voucher.offer = work.offer;
  voucher.zone = work.zone;
  voucher.plan_digest = plan_digest(plan);
  if (const disk::PlannedPartition* lease = plan.partition(disk::Role::Lease)) voucher.lease = lease->extent.size;
  voucher.processor_mhz = static_cast<std::uint32_t>(work.given.processor_mhz);
  voucher.made_at = now;
  return voucher;
}

}  // namespace

Digest plan_digest(const disk::DiskPlan& plan) { return images::keys::sha256(disk::canonical_text(plan)); }

Result<contract::Voucher> claimed_voucher(std::string_view dsse) {
  const auto statement = images::keys::parse_statement(dsse);
  if (!statement) return statement.error();
  if (statement->type != contract::voucher_type)
    return Error{
        ErrorCode::InvalidInput, fmt::format("'{}' is not the type of a voucher", statement->type.substr(0, 100)), {}};
  return contract::voucher_from(statement->payload);
}

Result<contract::Voucher> voucher_facts(std::string_view dsse, const images::keys::PublicKey& line_key) {
  const auto statement = images::keys::parse_statement(dsse);
  if (!statement) return statement.error();
  if (Done good = images::keys::verify_statement(*statement, line_key, contract::voucher_type); !good)
    return good.error();
  return contract::voucher_from(statement->payload);
}

Result<std::string> signed_receipt(const contract::Receipt& receipt, const PrivateKey& key) {
  return images::keys::sign_statement(contract::receipt_type, contract::payload_of(receipt), key);
}

Result<Identity> Identity::settle(Station& station, const std::string& run_folder, const order::Work& work,
                                  const std::optional<install::FoundIdentity>& found) {
  auto key = settled_key(station.files(), run_folder, work, found);
  if (!key) return key.error();
  Identity identity(std::move(*key));
  auto escrow = station.escrow(work.order);
  if (!escrow) return escrow.error();
  if (*escrow && (*escrow)->serial != work.serial)
    return Error{ErrorCode::Conflict,
                 fmt::format("order {} was built as machine {} before; give machine {} an order of its own",
                             work.order.text, (*escrow)->serial, work.serial),
                 {}};
  identity.escrow_ = *escrow ? std::move(**escrow) : new_escrow(work);
  auto voucher = station.files().read(voucher_path(run_folder), voucher_max);
  if (!voucher && voucher.error().code != ErrorCode::NotFound) return voucher.error();
  if (voucher) identity.voucher_ = std::move(*voucher);
  return identity;
}

disk::LeaseSeal Identity::seal(const order::Work& work) const {
  disk::LeaseSeal seal;
  seal.token_facts = order::token_facts(work);
  for (std::size_t i = 0; i < escrow_.slot_keys.size(); ++i)
    seal.slots.push_back(
        {static_cast<std::uint32_t>(i), escrow_.purposes[i], disk::key_digest_of(escrow_.slot_keys[i])});
  return seal;
}

disk::LeaseKeys Identity::lease_keys() const {
  disk::LeaseKeys keys;
  keys.volume_key = images::keys::random_bytes(disk::volume_key_size);
  keys.slot_keys = escrow_.slot_keys;
  return keys;
}

Done Identity::vouch(const order::Work& work, const disk::DiskPlan& plan, const PrivateKey& line_key, Instant now) {
  if (const disk::PlannedPartition* lease = plan.partition(disk::Role::Lease)) escrow_.lease_uuid = lease->luks->uuid;
  contract::Voucher wanted = voucher_for(work, plan, machine(), now);
  if (!voucher_.empty()) {
    const auto earlier = voucher_facts(voucher_, line_key.public_key());
    if (!earlier) return earlier.error().within("reading the voucher that this run made before");
    wanted.made_at = earlier->made_at;
    if (contract::payload_of(*earlier) == contract::payload_of(wanted)) return {};
    return Error{ErrorCode::Conflict,
                 fmt::format("order {} or its rules changed since machine {} was vouched for; restore them, or give "
                             "the machine a new order",
                             work.order.text, earlier->machine.text),
                 {}};
  }
  auto envelope = images::keys::sign_statement(contract::voucher_type, contract::payload_of(wanted), line_key);
  if (!envelope) return envelope.error().within("signing the voucher");
  voucher_ = std::move(*envelope);
  return {};
}

Done Identity::keep(Station& station, const std::string& run_folder) {
  images::files::Files& files = station.files();
  if (Done kept = files.replace(key_path(run_folder), device_key_.pem(), Access::OwnerOnly); !kept)
    return kept.error().within("keeping the device key");
  if (Done kept = station.keep_escrow(escrow_); !kept) return kept.error().within("keeping the slot keys");
  return files.replace(voucher_path(run_folder), voucher_, Access::Everyone);
}

Done Identity::forget_key(images::files::Files& files, const std::string& run_folder) {
  return files.remove(key_path(run_folder));
}

}  // namespace provision::run
