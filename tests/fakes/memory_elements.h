// Elements in memory, with the ways in which a disk fails. Passes tests/contracts/elements_contract.h.
#pragma once

#include <map>
#include <optional>

#include "fleet/store/elements.h"

namespace tests::fakes {
using namespace policies::vocabulary;

class MemoryElements final : public fleet::store::Elements {
 public:
  Done put(const Digest& digest, std::string_view bytes) override;
  Result<std::string> get(const Digest& digest) override;
  Result<std::string> get_range(const Digest& digest, std::uint64_t offset, std::size_t length) override;
  Result<Bytes> size(const Digest& digest) override;
  Done erase(const Digest& digest) override;
  Result<std::vector<Digest>> list() override;

  // All elements together may not exceed this; beyond it put fails with OutOfSpace.
  void limit_to(Bytes room) { room_ = room; }
  // Changes the stored bytes behind everybody's back. Precondition: the element is there and not empty.
  void damage(const Digest& digest);
  [[nodiscard]] Bytes used() const;

 private:
  std::map<Digest, std::string> elements_;
  std::optional<Bytes> room_;
};

}  // namespace tests::fakes
