// links: agent_vault tests_fakes
#include "agent/vault/vault.h"
#include "images/keys/keys.h"
#include "tests/fakes/memory_files.h"

// Whatever lies in the segments: the vault opens, lists only what it can place, stays within its budget, and stores on.
// The input is split into two segments at its middle.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace agent::vault;
  if (size > 20'000) return 0;
  tests::fakes::MemoryFiles files;
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  invariant(files.make_directory("/v", images::files::Access::OwnerOnly).has_value(), "a folder in memory can be made");
  for (const auto& [name, part] :
       {std::pair{"/v/00000001.log", bytes.substr(0, size / 2)}, {"/v/00000002.log", bytes.substr(size / 2)}})
    invariant(files.replace(name, part, images::files::Access::OwnerOnly).has_value(),
              "a file in memory can be written");
  const VaultLimits limits{.budget = Bytes{64'000}, .segment_max = Bytes{4'000}, .shard_max = Bytes{4'000}};
  Result<Vault> vault = Vault::open(files, "/v", limits);
  if (!vault) return 0;
  for (const HeldShard& held : vault->inventory()) {
    const Result<std::string> read = vault->read(held.shard);
    invariant(!read || images::keys::sha256(*read) == held.digest, "what is read has its digest");
  }
  const std::string fresh = "fresh bytes";
  const ShardId shard{"fuzz/fresh"};
  if (vault->store(shard, images::keys::sha256(fresh), fresh)) {
    const Result<std::string> read = vault->read(shard);
    invariant(read && *read == fresh, "what was stored is read back");
    invariant(vault->remove(shard).has_value(), "what was stored can be removed");
  }
  for (const HeldShard& held : vault->inventory()) static_cast<void>(vault->remove(held.shard).has_value());
  invariant(vault->used() <= limits.budget, "the budget holds");
  return 0;
}
