// Goal: the right slot is tried, a TPM slot is made when one is needed, and nothing goes that could still be needed.
// Method: the decisions are pure; each case is written down.
#include "provision/lease/slot_choice.h"

#include <gtest/gtest.h>

#include "provision/lease/lease_partition.h"

namespace provision::lease {
namespace {

SealedKey sealed(const std::string& what) { return {"sha256", {7}, "public " + what, "private " + what}; }

disk::ContainerFacts factory_fresh() {
  disk::ContainerFacts facts;
  facts.uuid = "0f3b8c52-1c9e-4d4c-8a57-0d3f5f3c6a11";
  facts.slots = {0, 1};
  facts.token = disk::LeaseToken{{{"order", "home-1"}}, {{0, "controller", Digest("a")}, {1, "recovery", Digest("b")}}};
  return facts;
}

void add_sealed(disk::ContainerFacts& facts, std::uint32_t token, std::uint32_t slot, const std::string& what) {
  facts.slots.push_back(slot);
  facts.tokens.push_back({token, "leaseback-tpm2", token_json(TpmToken{slot, sealed(what)})});
}

TEST(SlotChoice, AFreshMachineHasNothingToTryWithoutAKey) {
  const auto slots = slots_of(factory_fresh());
  ASSERT_TRUE(slots);
  EXPECT_EQ(slots->controller, 0U);
  EXPECT_EQ(slots->recovery, 1U);
  EXPECT_TRUE(attempts(*slots, false, true, false).empty());
}

TEST(SlotChoice, TheTpmComesBeforeAKeyThatWasGiven) {
  disk::ContainerFacts facts = factory_fresh();
  add_sealed(facts, 1, 2, "now");
  const auto slots = slots_of(facts);
  EXPECT_EQ(attempts(*slots, false, true, true), (std::vector<Attempt>{{Means::Tpm, 2, 0}, {Means::Given, 0, 0}, {Means::Given, 1, 0}}));
  EXPECT_EQ(attempts(*slots, false, false, true), (std::vector<Attempt>{{Means::Given, 0, 0}, {Means::Given, 1, 0}})) << "without a TPM";
  EXPECT_EQ(attempts(*slots, true, true, true), (std::vector<Attempt>{{Means::Mapped, 0, 0}})) << "open already: no key is needed";
}

TEST(SlotChoice, SealsWhenAKeyOpenedItAndThereIsATpm) {
  EXPECT_TRUE(shall_seal({Means::Given, 0, 0}, true));
  EXPECT_FALSE(shall_seal({Means::Given, 0, 0}, false));
  EXPECT_FALSE(shall_seal({Means::Tpm, 2, 0}, true)) << "it opens: leave it";
  EXPECT_FALSE(shall_seal({Means::Mapped, 0, 0}, true)) << "no key at hand to add a slot by";
}

TEST(SlotChoice, RetiresOnlyBesideASlotThatWasSeenToOpen) {
  disk::ContainerFacts facts = factory_fresh();
  add_sealed(facts, 1, 2, "before");
  add_sealed(facts, 2, 3, "now");
  facts.slots.push_back(5);                                                                     // cut before its token
  facts.tokens.push_back({4, "leaseback-tpm2", token_json(TpmToken{std::nullopt, sealed("old")})});  // cut after its slot
  const auto slots = slots_of(facts);
  ASSERT_TRUE(slots);
  EXPECT_EQ(retirement(*slots, std::nullopt), Retirement{}) << "nothing opens: nothing goes";
  EXPECT_EQ(retirement(*slots, 3), (Retirement{{2, 5}, {1, 4}}));
  EXPECT_EQ(retirement(*slots, 2), (Retirement{{3, 5}, {2, 4}})) << "the older opens: the newer was never finished";
}

TEST(SlotChoice, ATokenCannotMakeUsRetireASlotOfTheFactory) {
  disk::ContainerFacts facts = factory_fresh();
  facts.tokens.push_back({1, "leaseback-tpm2", token_json(TpmToken{1, sealed("forged")})});
  add_sealed(facts, 2, 2, "now");
  const auto slots = slots_of(facts);
  ASSERT_TRUE(slots);
  EXPECT_EQ(slots->recovery, 1U);
  EXPECT_EQ(retirement(*slots, 2), (Retirement{{}, {1}}));
}

TEST(SlotChoice, LeavesTokensOfOthersAlone) {
  disk::ContainerFacts facts = factory_fresh();
  facts.tokens.push_back({3, "systemd-recovery", R"({"type":"systemd-recovery","keyslots":[]})"});
  add_sealed(facts, 1, 2, "now");
  EXPECT_EQ(retirement(*slots_of(facts), 2), Retirement{});
}

TEST(SlotChoice, AContainerWithoutOurTokenIsNotOurs) {
  disk::ContainerFacts facts = factory_fresh();
  facts.token.reset();
  const auto slots = slots_of(facts);
  ASSERT_FALSE(slots);
  EXPECT_EQ(slots.error().code, ErrorCode::InvalidInput);
}

TEST(SlotChoice, MakesAFilesystemOnlyBeforeTheFirstMount) {
  disk::FilesystemFacts nothing;
  disk::FilesystemFacts ext4;
  ext4.kind = disk::FilesystemKind::Ext4;
  ext4.uuid = "0f3b8c52-1c9e-4d4c-8a57-0d3f5f3c6a11";
  const FilesystemToken mark{ext4.uuid};
  EXPECT_EQ(filesystem_act(std::nullopt, nothing), FilesystemAct::Make);
  EXPECT_EQ(filesystem_act(std::nullopt, ext4), FilesystemAct::Make) << "without a mark it may be half of one";
  EXPECT_EQ(filesystem_act(mark, ext4), FilesystemAct::Mend);
  EXPECT_EQ(filesystem_act(mark, nothing), FilesystemAct::Unsound);
  EXPECT_EQ(filesystem_act(FilesystemToken{}, ext4), FilesystemAct::Unsound) << "a mark that cannot be read";
  ext4.torn = true;
  ext4.uuid.clear();
  EXPECT_EQ(filesystem_act(mark, ext4), FilesystemAct::Mend) << "a torn superblock has copies";
}

TEST(LeasePartition, IsTheOneWhoseTokenBearsTheOrder) {
  disk::DiskFacts one;
  one.path = "/dev/nvme0n1";
  disk::PartitionFacts partition;
  partition.number = 4;
  partition.type = "7B1E9C4D-52A8-4F0B-9D63-1A3C8E5F2076";
  partition.uuid = "5c1e0000-0000-4000-8000-000000000001";
  partition.luks.emplace();
  partition.luks->token = disk::LeaseToken{{{"order", "home-1"}}, {}};
  one.partitions = {partition};
  disk::DiskFacts other = one;
  other.path = "/dev/sda";
  other.partitions[0].uuid = "5c1e0000-0000-4000-8000-000000000002";
  other.partitions[0].luks->token->facts["order"] = "home-2";

  EXPECT_EQ(choose_lease_partition({one}, {})->device, "/dev/nvme0n1p4");
  EXPECT_EQ(choose_lease_partition({one, other}, {.partition_uuid = {}, .order = "home-2"})->device, "/dev/sda4");
  EXPECT_EQ(choose_lease_partition({one, other}, {.partition_uuid = "5C1E0000-0000-4000-8000-000000000001", .order = {}})->device, "/dev/nvme0n1p4");
  const auto several = choose_lease_partition({one, other}, {});
  ASSERT_FALSE(several);
  EXPECT_EQ(several.error().code, ErrorCode::Conflict);
  EXPECT_NE(several.error().message.find("/dev/nvme0n1p4, /dev/sda4"), std::string::npos) << several.error().text();
  const auto none = choose_lease_partition({one}, {.partition_uuid = {}, .order = "home-3"});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::NotFound);
}

}  // namespace
}  // namespace provision::lease
