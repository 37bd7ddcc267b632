// Elements as files: <folder>/<first two digits>/<digest>. A file is replaced whole, so an element is there and right, or absent.
#pragma once

#include <set>

#include "fleet/store/elements.h"
#include "images/files/files.h"

namespace fleet::store {

class FolderElements final : public Elements {
 public:
  // Largest element: 1 GiB.
  static constexpr Bytes element_max{std::uint64_t{1} << 30};

  // `files` outlives this. Makes the folder when it is not there.
  static Result<std::unique_ptr<FolderElements>> open(images::files::Files& files, std::string folder);

  Done put(const Digest& digest, std::string_view bytes) override;
  Result<std::string> get(const Digest& digest) override;
  Result<std::string> get_range(const Digest& digest, std::uint64_t offset, std::size_t length) override;
  Result<Bytes> size(const Digest& digest) override;
  Done erase(const Digest& digest) override;
  Result<std::vector<Digest>> list() override;

 private:
  FolderElements(images::files::Files& files, std::string folder) : files_(files), folder_(std::move(folder)) {}
  [[nodiscard]] std::string folder_of(const Digest& digest) const;
  [[nodiscard]] std::string path_of(const Digest& digest) const;

  images::files::Files& files_;
  std::string folder_;
  std::set<std::string> folders_made_;
};

}  // namespace fleet::store
