// Goal: FolderElements and its fake keep the port's promises. Method: the contract suite on both; what only disks do, on each.
#include <filesystem>
#include <fstream>

#include "fleet/store/folder_elements.h"
#include "images/files/posix_files.h"
#include "tests/contracts/elements_contract.h"
#include "tests/fakes/memory_elements.h"
#include "tests/fleet/store/temporary_folder.h"

namespace tests::contracts {
namespace {

using tests::fleet_store::TemporaryFolder;

class FolderSubject final : public ElementsSubject {
 public:
  FolderSubject() { reopen(); }
  Elements& elements() override { return *elements_; }
  void reopen() override {
    Result<std::unique_ptr<FolderElements>> opened = FolderElements::open(files_, folder_.file("elements"));
    EXPECT_TRUE(opened.has_value()) << opened.error().text();
    elements_ = std::move(*opened);
  }
  void damage(const Digest& digest) override {
    const std::string path = folder_.file("elements/" + digest.text.substr(0, 2) + "/" + digest.text);
    ASSERT_TRUE(std::filesystem::exists(path));
    std::fstream(path, std::ios::in | std::ios::out | std::ios::binary) << '!';
  }
  [[nodiscard]] const TemporaryFolder& folder() const { return folder_; }

 private:
  TemporaryFolder folder_;
  images::files::PosixFiles files_;
  std::unique_ptr<FolderElements> elements_;
};

class MemorySubject final : public ElementsSubject {
 public:
  Elements& elements() override { return elements_; }
  void reopen() override {}
  void damage(const Digest& digest) override { elements_.damage(digest); }

 private:
  fakes::MemoryElements elements_;
};

std::string name_of_subject(const ::testing::TestParamInfo<MakeElementsSubject>& info) {
  return info.index == 0 ? "Folder" : "Memory";
}

INSTANTIATE_TEST_SUITE_P(Elements, ElementsContract,
                         ::testing::Values<MakeElementsSubject>([]() -> std::unique_ptr<ElementsSubject> { return std::make_unique<FolderSubject>(); },
                                                                []() -> std::unique_ptr<ElementsSubject> { return std::make_unique<MemorySubject>(); }),
                         name_of_subject);

TEST(FolderElements, DoesNotListWhatACutWriteLeftBehind) {
  FolderSubject subject;
  const Digest digest = images::keys::sha256("whole");
  ASSERT_TRUE(subject.elements().put(digest, "whole").has_value());
  std::ofstream(subject.folder().file("elements/" + digest.text.substr(0, 2) + "/." + digest.text + ".new")) << "who";
  const Result<std::vector<Digest>> listed = subject.elements().list();
  ASSERT_TRUE(listed.has_value());
  EXPECT_EQ(*listed, std::vector<Digest>{digest});
}

TEST(MemoryElements, RefusesWhatItsDiskCannotHold) {
  fakes::MemoryElements elements;
  elements.limit_to(Bytes{4});
  EXPECT_EQ(elements.put(images::keys::sha256("12345"), "12345").error().code, ErrorCode::OutOfSpace);
  EXPECT_TRUE(elements.put(images::keys::sha256("1234"), "1234").has_value());
}

}  // namespace
}  // namespace tests::contracts
