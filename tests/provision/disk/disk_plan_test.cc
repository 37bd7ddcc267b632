// Goal: the plan of a disk, and the steps to it, are right for every kind of disk we may meet. Method: pure values in and out.
#include "provision/disk/disk_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "agent/contract/disk_markers.h"
#include "provision/disk/identifiers.h"

namespace provision::disk {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

LeaseSeal some_seal() {
  return {{{"order", "o-1"}}, {{0, "controller", key_digest_of("first")}, {1, "recovery", key_digest_of("second")}}};
}

DiskFacts blank_disk(Bytes size = {40'000'000'000}) {
  DiskFacts facts;
  facts.path = "disk.img";
  facts.size = size;
  facts.blank = true;
  return facts;
}

DiskRequest home_order() {
  DiskRequest request;
  request.seed = "o-1";
  request.system = gibibytes(8);
  request.lease = {6'000'000'000};
  request.seal = some_seal();
  return request;
}

// The disk as it is read back when it is as planned.
DiskFacts made_from(const DiskPlan& plan) {
  DiskFacts facts;
  facts.path = plan.path;
  facts.size = plan.disk_size;
  facts.sector_size = plan.sector_size;
  facts.table = TableKind::Gpt;
  facts.disk_uuid = plan.disk_uuid;
  for (const PlannedPartition& p : plan.partitions) {
    PartitionFacts there{p.number, p.type, p.uuid, p.name, p.attributes, p.extent, {}, {}};
    there.filesystem.uuid = p.filesystem_uuid;
    if (p.content == Content::FatEsp) there.filesystem.kind = FilesystemKind::Fat;
    if (p.content == Content::Ext4) {
      there.filesystem.kind = FilesystemKind::Ext4;
      there.filesystem.size = p.extent.size;
    }
    if (p.content == Content::SealedLease) {
      there.filesystem.kind = FilesystemKind::Luks2;
      there.luks = LuksFacts{p.luks->uuid, "LEASE", "aes-xts-plain64", 512, 4096, luks_header_size, {0, 1}, p.luks->token};
    }
    facts.partitions.push_back(there);
  }
  return facts;
}

std::vector<std::string> kinds(const Result<std::vector<Step>>& steps) {
  std::vector<std::string> names;
  if (!steps) return {steps.error().text()};
  for (const Step& step : *steps) names.push_back(std::string(name_of(step.kind)));
  return names;
}

TEST(DiskPlan, PutsTheLeaseLastAndGivesTheRestToTheCustomer) {
  Result<DiskPlan> plan = plan_new_disk(home_order(), blank_disk());
  ASSERT_TRUE(plan) << plan.error().text();
  ASSERT_EQ(plan->partitions.size(), 4U);
  const auto& [esp, system, customer, lease] = std::tie(plan->partitions[0], plan->partitions[1], plan->partitions[2], plan->partitions[3]);
  EXPECT_EQ(esp.extent, (Extent{mebibytes(1), mebibytes(512)}));
  EXPECT_EQ(system.extent, (Extent{mebibytes(513), gibibytes(8)}));
  EXPECT_EQ(customer.extent.start, system.extent.end());
  EXPECT_EQ(customer.extent.end(), lease.extent.start);
  EXPECT_EQ(lease.role, Role::Lease);
  EXPECT_EQ(lease.type, agent::contract::lease_partition_type);
  EXPECT_EQ(lease.name, agent::contract::lease_partition_label);
  EXPECT_EQ(lease.attributes, 0xC000000000000000U);
  // 6 GB are 5722.05 MiB; the lease is never less than agreed.
  EXPECT_EQ(lease.extent.size, mebibytes(5723));
  // 40 GB are 38146.97 MiB: the last whole MiB before the backup table ends at 38146.
  EXPECT_EQ(lease.extent.end(), mebibytes(38146));
  EXPECT_THAT(plan->notes, ElementsAre(HasSubstr("whole MiB (2048 sectors of 512 B)"), HasSubstr("at the end, for its backup"),
                                       HasSubstr("lease: 6000000000 B ordered")));
}

TEST(DiskPlan, GivesTheCustomerAllThatIsLeftWithoutALease) {
  DiskRequest request = home_order();
  request.lease = {};
  Result<DiskPlan> plan = plan_new_disk(request, blank_disk());
  ASSERT_TRUE(plan) << plan.error().text();
  ASSERT_EQ(plan->partitions.size(), 3U);
  EXPECT_EQ(plan->partitions[2].extent.end(), mebibytes(38146));
  EXPECT_EQ(plan->partition(Role::Lease), nullptr);
}

TEST(DiskPlan, GivesLargeSectorsAnEspThatFat32CanHave) {
  DiskFacts facts = blank_disk();
  facts.sector_size = 4096;
  DiskRequest request = home_order();
  request.esp = mebibytes(64);
  Result<DiskPlan> plan = plan_new_disk(request, facts);
  ASSERT_TRUE(plan) << plan.error().text();
  EXPECT_EQ(plan->partitions[0].extent.size, mebibytes(260));
  EXPECT_EQ(plan->sector_size, 4096U);
  EXPECT_THAT(plan->notes, testing::Contains(HasSubstr("ESP: 260 MiB instead of 64 MiB")));
  EXPECT_THAT(plan->notes, testing::Contains(HasSubstr("256 sectors of 4096 B")));
  for (const PlannedPartition& partition : plan->partitions) {
    EXPECT_EQ(partition.extent.start.count % alignment.count, 0U);
    EXPECT_EQ(partition.extent.size.count % alignment.count, 0U);
  }
}

TEST(Deletions, ListWhatWillBeGoneAndNothingElse) {
  const DiskPlan plan = *plan_new_disk(home_order(), blank_disk());
  EXPECT_THAT(deletions(plan, blank_disk()), IsEmpty());
  EXPECT_THAT(deletions(plan, made_from(plan)), IsEmpty());
  DiskFacts used = blank_disk();
  used.table = TableKind::Gpt;
  used.partitions = {{1, "T", "u-1", "photos", 0, {mebibytes(1), gibibytes(3)}, {}, {}}};
  used.partitions[0].filesystem.name = "xfs";
  EXPECT_THAT(deletions(plan, used), ElementsAre("partition 1 (photos, xfs, 3 GiB)"));
  DiskFacts changed = made_from(plan);
  changed.partitions[1].filesystem = {FilesystemKind::Other, "btrfs", "", "", {}, {}};
  EXPECT_THAT(deletions(plan, changed), ElementsAre(HasSubstr("the btrfs in partition 2 (system")));
  DiskFacts whole = blank_disk();
  whole.whole_disk.name = "LVM2_member";
  EXPECT_THAT(deletions(plan, whole), ElementsAre("the LVM2_member on the whole disk"));
}

TEST(Difference, TakesAnImageWithoutATableForADiskOfEitherSectorSize) {
  DiskFacts facts = blank_disk();
  facts.sector_size_known = false;
  DiskFacts large = facts;
  large.sector_size = 4096;
  const DiskPlan plan = *plan_new_disk(home_order(), large);
  EXPECT_TRUE(difference(plan, facts));
  facts.sector_size_known = true;
  EXPECT_EQ(difference(plan, facts).error().code, ErrorCode::Conflict);
}

TEST(DiskPlan, IsTheSameForTheSameSeedAndAnotherForAnother) {
  DiskRequest other = home_order();
  other.seed = "o-2";
  const std::string once = canonical_text(*plan_new_disk(home_order(), blank_disk()));
  EXPECT_EQ(once, canonical_text(*plan_new_disk(home_order(), blank_disk())));
  EXPECT_NE(once, canonical_text(*plan_new_disk(other, blank_disk())));
}

TEST(DiskPlan, NamesSizeNeedAndWayOutWhenTheOrderDoesNotFit) {
  Result<DiskPlan> plan = plan_new_disk(home_order(), blank_disk({10'000'000'000}));
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().code, ErrorCode::OutOfSpace);
  EXPECT_THAT(plan.error().text(), HasSubstr("10 GB"));
  EXPECT_THAT(plan.error().text(), HasSubstr("order a larger disk or a smaller lease"));
}

TEST(DiskPlan, RefusesSizesLabelsAndSlotsOutOfRange) {
  const auto refused = [](auto change) {
    DiskRequest request = home_order();
    change(request);
    Result<DiskPlan> plan = plan_new_disk(request, blank_disk());
    return !plan && plan.error().code == ErrorCode::InvalidInput;
  };
  EXPECT_TRUE(refused([](DiskRequest& r) { r.seed.clear(); }));
  EXPECT_TRUE(refused([](DiskRequest& r) { r.esp = mebibytes(63); }));
  EXPECT_TRUE(refused([](DiskRequest& r) { r.system = {}; }));
  EXPECT_TRUE(refused([](DiskRequest& r) { r.system = {UINT64_MAX}; }));
  EXPECT_TRUE(refused([](DiskRequest& r) { r.lease = mebibytes(1); }));
  EXPECT_TRUE(refused([](DiskRequest& r) { r.system_label = "seventeen-letters"; }));
  EXPECT_TRUE(refused([](DiskRequest& r) { r.customer_label = "my home"; }));
  EXPECT_TRUE(refused([](DiskRequest& r) { r.seal.slots.clear(); }));
  EXPECT_TRUE(refused([](DiskRequest& r) { r.seal.slots[1].slot = 3; }));
  EXPECT_TRUE(refused([](DiskRequest& r) { r.seal.slots[0].key_digest.text = "abc"; }));
}

TEST(Difference, OfABlankDiskIsTheTableAndEachContent) {
  DiskPlan plan = *plan_new_disk(home_order(), blank_disk());
  EXPECT_THAT(kinds(difference(plan, blank_disk())),
              ElementsAre("write-table", "format-esp", "format-ext4", "format-ext4", "format-luks"));
}

TEST(Difference, OfADiskAsPlannedIsEmpty) {
  DiskPlan plan = *plan_new_disk(home_order(), blank_disk());
  EXPECT_THAT(kinds(difference(plan, made_from(plan))), IsEmpty());
}

TEST(Difference, LeavesAloneWhatTheOwnerRenamedAndFilled) {
  DiskPlan plan = *plan_new_disk(home_order(), blank_disk());
  DiskFacts facts = made_from(plan);
  facts.partitions[2].filesystem.label = "photos";
  facts.partitions[2].filesystem.used = gibibytes(7);
  EXPECT_THAT(kinds(difference(plan, facts)), IsEmpty());
}

TEST(Difference, MakesAgainWhatWasCutBeforeItsEnd) {
  DiskPlan plan = *plan_new_disk(home_order(), blank_disk());
  DiskFacts facts = made_from(plan);
  facts.copies_agree = false;
  facts.partitions[0].filesystem = {};
  facts.partitions[1].filesystem = {};
  facts.partitions[3].filesystem = {};
  facts.partitions[3].luks.reset();
  EXPECT_THAT(kinds(difference(plan, facts)), ElementsAre("write-table", "format-esp", "format-ext4", "format-luks"));
}

TEST(Difference, ChecksAFilesystemWhoseChangeWasCut) {
  DiskPlan plan = *plan_new_disk(home_order(), blank_disk());
  DiskFacts facts = made_from(plan);
  facts.partitions[1].filesystem.clean = false;
  EXPECT_THAT(kinds(difference(plan, facts)), ElementsAre("check-filesystem"));
}

TEST(Difference, DecidesNothingBySizesOfATornFilesystem) {
  DiskFacts facts = made_from(*plan_new_disk(home_order(), blank_disk()));
  facts.partitions[2].filesystem.torn = true;
  facts.partitions[2].filesystem.clean = false;
  facts.partitions[2].filesystem.size = {};
  EXPECT_THAT(kinds(difference(*plan_release(facts), facts)), ElementsAre("check-filesystem"));
}

TEST(Difference, RefusesToDestroyWhatIsNotOurs) {
  DiskPlan plan = *plan_new_disk(home_order(), blank_disk());
  DiskFacts foreign = blank_disk();
  foreign.blank = false;
  foreign.table = TableKind::Mbr;
  foreign.partitions = {{1, "07", "", "", 0, {mebibytes(1), gibibytes(20)}, {FilesystemKind::Other, "ntfs", "", "", {}, {}, true, false}, {}}};
  Result<std::vector<Step>> steps = difference(plan, foreign);
  ASSERT_FALSE(steps);
  EXPECT_EQ(steps.error().code, ErrorCode::Refused);
  EXPECT_THAT(steps.error().text(), HasSubstr("ntfs"));
  plan.existing = ExistingContent::Erase;
  steps = difference(plan, foreign);
  ASSERT_TRUE(steps) << steps.error().text();
  EXPECT_THAT(steps->front().text, HasSubstr("delete partition 1 (ntfs, 20 GiB)"));
}

TEST(Difference, RefusesToMakeAnOwnersNewFilesystemAgain) {
  DiskPlan plan = *plan_new_disk(home_order(), blank_disk());
  DiskFacts facts = made_from(plan);
  facts.partitions[2].filesystem = {FilesystemKind::Other, "xfs", "", "another", {}, {}, true, false};
  EXPECT_THAT(kinds(difference(plan, facts)), ElementsAre(HasSubstr("holds what this plan did not make")));
}

TEST(Difference, RefusesToSealAgainWithOtherKeys) {
  DiskPlan plan = *plan_new_disk(home_order(), blank_disk());
  DiskFacts facts = made_from(plan);
  facts.partitions[3].luks->token->slots[0].key_digest = key_digest_of("third");
  EXPECT_THAT(kinds(difference(plan, facts)), ElementsAre(HasSubstr("sealed with other keys")));
}

TEST(Difference, KnowsAnotherDiskByItsSizeAndSerial) {
  DiskPlan plan = *plan_new_disk(home_order(), blank_disk());
  DiskFacts other = blank_disk({50'000'000'000});
  EXPECT_EQ(difference(plan, other).error().code, ErrorCode::Conflict);
  other = blank_disk();
  other.serial = "WD-1";
  EXPECT_EQ(difference(plan, other).error().code, ErrorCode::Conflict);
}

TEST(ReleasePlan, DestroysKeysDeletesTheLeaseAndGrowsItsNeighbour) {
  DiskFacts facts = made_from(*plan_new_disk(home_order(), blank_disk()));
  Result<DiskPlan> release = plan_release(facts);
  ASSERT_TRUE(release) << release.error().text();
  ASSERT_EQ(release->partitions.size(), 3U);
  EXPECT_EQ(release->partitions[2].extent.size, facts.partitions[2].extent.size + facts.partitions[3].extent.size);
  EXPECT_THAT(kinds(difference(*release, facts)),
              ElementsAre("destroy-key-slots", "write-table", "check-filesystem", "grow-filesystem"));
}

TEST(ReleasePlan, AsksForWhatACutReleaseLeft) {
  DiskFacts facts = made_from(*plan_new_disk(home_order(), blank_disk()));
  DiskPlan release = *plan_release(facts);
  DiskFacts cut = facts;
  cut.partitions.pop_back();
  cut.partitions[2].extent = release.partitions[2].extent;
  DiskPlan again = *plan_release(cut);
  EXPECT_EQ(canonical_text(again), canonical_text(release));
  EXPECT_THAT(kinds(difference(again, cut)), ElementsAre("check-filesystem", "grow-filesystem"));
}

TEST(ReleasePlan, LeavesTheSpaceFreeBesideAFilesystemItCannotGrow) {
  DiskFacts facts = made_from(*plan_new_disk(home_order(), blank_disk()));
  facts.partitions[2].filesystem = {FilesystemKind::Other, "ntfs", "", "", {}, {}, true, false};
  DiskPlan release = *plan_release(facts);
  EXPECT_EQ(release.partitions[2].extent, facts.partitions[2].extent);
  EXPECT_THAT(release.notes, ElementsAre(HasSubstr("ntfs, which cannot be grown here")));
}

DiskFacts used_disk() {
  DiskFacts facts = blank_disk(gibibytes(64));
  facts.blank = false;
  facts.table = TableKind::Gpt;
  facts.disk_uuid = "11111111-2222-8333-8444-555555555555";
  FilesystemFacts ext4{FilesystemKind::Ext4, "ext4", "root", "abc", gibibytes(40), gibibytes(20), true, false};
  facts.partitions = {{1, std::string(esp_type), "u1", "EFI", 0, {mebibytes(1), mebibytes(300)}, {FilesystemKind::Fat, "vfat", "", "", {}, {}, true, false}, {}},
                      {2, std::string(root_type), "u2", "root", 0, {mebibytes(301), gibibytes(40)}, ext4, {}}};
  return facts;
}

TEST(RetrofitPlan, TakesFreeSpaceFirst) {
  DiskFacts facts = used_disk();
  RetrofitRequest request{"r-1", gibibytes(10), some_seal()};
  Result<DiskPlan> plan = plan_retrofit(request, facts);
  ASSERT_TRUE(plan) << plan.error().text();
  EXPECT_EQ(plan->partitions[1].extent, facts.partitions[1].extent);
  EXPECT_EQ(plan->partitions[2].extent.size, gibibytes(10));
  EXPECT_THAT(kinds(difference(*plan, facts)), ElementsAre("write-table", "format-luks"));
}

TEST(RetrofitPlan, ShrinksTheLastPartitionForWhatIsMissing) {
  DiskFacts facts = used_disk();
  RetrofitRequest request{"r-1", gibibytes(30), some_seal()};
  Result<DiskPlan> plan = plan_retrofit(request, facts);
  ASSERT_TRUE(plan) << plan.error().text();
  EXPECT_EQ(plan->partitions[1].extent.start, facts.partitions[1].extent.start);
  EXPECT_EQ(plan->partitions[1].extent.end(), plan->partitions[2].extent.start);
  EXPECT_THAT(kinds(difference(*plan, facts)),
              ElementsAre("check-filesystem", "shrink-filesystem", "write-table", "format-luks"));
}

TEST(RetrofitPlan, RefusesToSqueezeTheOwnersFiles) {
  RetrofitRequest request{"r-1", gibibytes(50), some_seal()};
  Result<DiskPlan> plan = plan_retrofit(request, used_disk());
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().code, ErrorCode::OutOfSpace);
  EXPECT_THAT(plan.error().text(), HasSubstr("uses 20 GiB"));
}

TEST(RetrofitPlan, IsTheSameAfterACut) {
  DiskFacts facts = used_disk();
  RetrofitRequest request{"r-1", gibibytes(30), some_seal()};
  DiskPlan plan = *plan_retrofit(request, facts);
  DiskFacts after = facts;
  after.partitions[1].extent = plan.partitions[1].extent;
  after.partitions[1].filesystem.size = plan.partitions[1].extent.size;
  const PlannedPartition& lease = plan.partitions[2];
  after.partitions.push_back({lease.number, lease.type, lease.uuid, lease.name, lease.attributes, lease.extent, {}, {}});
  Result<DiskPlan> again = plan_retrofit(request, after);
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_EQ(canonical_text(*again), canonical_text(plan));
  EXPECT_THAT(kinds(difference(*again, after)), ElementsAre("format-luks"));
}

TEST(RetrofitPlan, RefusesADiskLeasedByAnotherOrder) {
  DiskFacts facts = made_from(*plan_new_disk(home_order(), blank_disk()));
  EXPECT_EQ(plan_retrofit({"r-1", gibibytes(1), some_seal()}, facts).error().code, ErrorCode::Conflict);
}

TEST(Identifiers, AreLawfulUuidsThatDifferByPurpose) {
  const std::string uuid = uuid_from("seed", "disk");
  ASSERT_EQ(uuid.size(), 36U);
  EXPECT_EQ(uuid[14], '8');
  EXPECT_THAT(std::string("89ab"), HasSubstr(std::string(1, uuid[19])));
  EXPECT_NE(uuid, uuid_from("seed", "esp"));
  // The seed's end is not the purpose's beginning.
  EXPECT_NE(uuid_from("ab", "c"), uuid_from("a", "bc"));
}

DiskFacts used_disk(TableKind table) {
  DiskFacts facts = blank_disk();
  facts.blank = false;
  facts.table = table;
  const bool gpt = table == TableKind::Gpt;
  if (!gpt) facts.mbr = MbrFacts{};
  facts.partitions = {{1, gpt ? "C12A7328-F81F-11D2-BA4B-00A0C93EC93B" : "EF", gpt ? "u-1" : "", "", 0, {mebibytes(1), mebibytes(512)}, {}, {}},
                      {5, gpt ? "T" : "83", gpt ? "u-5" : "", "", 0, {mebibytes(600), gibibytes(36)}, {}, {}}};
  facts.partitions[1].filesystem = {FilesystemKind::Ext4, "ext4", "", "f-5", gibibytes(36), gibibytes(10)};
  return facts;
}

RetrofitRequest some_retrofit() { return {"o-1", gibibytes(6), some_seal()}; }

TEST(RetrofitPlan, SaysWhyEachFilesystemCannotGiveRoom) {
  for (const auto& [name, reason] : std::vector<std::pair<std::string, std::string>>{
           {"xfs", "XFS cannot be shrunk by any program"}, {"btrfs", "only while it is mounted"}, {"crypto_LUKS", "not seen from outside"},
           {"LVM2_member", "shrunk by their owner"}, {"linux_raid_member", "whole array"}, {"swap", "remove it"}, {"", "only ext4 and"}}) {
    DiskFacts facts = used_disk(TableKind::Gpt);
    facts.partitions[1].filesystem = {FilesystemKind::Other, name, "", "", {}, {}};
    const Result<DiskPlan> plan = plan_retrofit(some_retrofit(), facts);
    ASSERT_FALSE(plan) << name;
    EXPECT_EQ(plan.error().code, ErrorCode::Unsupported);
    EXPECT_THAT(plan.error().text(), testing::AllOf(HasSubstr(reason), HasSubstr("disk.img"), HasSubstr("`disk move`")));
  }
}

TEST(RetrofitPlan, AsksNtfsresizeHowFarNtfsCanGo) {
  DiskFacts facts = used_disk(TableKind::Gpt);
  facts.partitions[1].filesystem = {FilesystemKind::Ntfs, "ntfs", "", "", gibibytes(36), {}};
  RetrofitRequest request = some_retrofit();
  request.ntfs_refusal = "no such program";
  EXPECT_THAT(plan_retrofit(request, facts).error().text(), HasSubstr("no such program"));
  request.ntfs_least = gibibytes(35);
  EXPECT_EQ(plan_retrofit(request, facts).error().code, ErrorCode::OutOfSpace);
  request.ntfs_least = gibibytes(10);
  const Result<DiskPlan> plan = plan_retrofit(request, facts);
  ASSERT_TRUE(plan) << plan.error().text();
  EXPECT_THAT(kinds(difference(*plan, facts)), ElementsAre("shrink-ntfs", "write-table", "format-luks"));
  // Cut after shrinking: it is marked for a check by Windows now, and is not asked again.
  facts.partitions[1].filesystem.size = plan->partitions[1].extent.size;
  request.ntfs_least.reset();
  const Result<DiskPlan> again = plan_retrofit(request, facts);
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_EQ(canonical_text(*again), canonical_text(*plan));
  EXPECT_THAT(kinds(difference(*again, facts)), ElementsAre("write-table", "format-luks"));
}

TEST(MbrRetrofit, KeepsPlacesAndNumbersAndIsTheSamePlanAfterwards) {
  const DiskFacts facts = used_disk(TableKind::Mbr);
  const Result<DiskPlan> plan = plan_retrofit(some_retrofit(), facts);
  ASSERT_TRUE(plan) << plan.error().text();
  ASSERT_EQ(plan->partitions.size(), 3U);
  EXPECT_EQ(plan->partitions[1].number, 5U);
  EXPECT_EQ(plan->partitions[1].extent.start, mebibytes(600));
  const Result<std::vector<Step>> steps = difference(*plan, facts);
  EXPECT_THAT(kinds(steps), ElementsAre("check-filesystem", "shrink-filesystem", "write-table", "format-luks"));
  EXPECT_THAT((*steps)[2].text, HasSubstr("turn the MBR into a GPT"));
  EXPECT_THAT(deletions(*plan, facts), IsEmpty());

  DiskFacts turned = made_from(*plan);
  turned.partitions[1].filesystem = facts.partitions[1].filesystem;
  turned.partitions[1].filesystem.size = plan->partitions[1].extent.size;
  const Result<DiskPlan> again = plan_retrofit(some_retrofit(), turned);
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_EQ(canonical_text(*again), canonical_text(*plan));
  EXPECT_THAT(kinds(difference(*again, turned)), IsEmpty());
}

TEST(MbrRetrofit, RefusesWhatWouldNotStartOrHasNoCounterpart) {
  const auto refusal = [](const std::function<void(DiskFacts&)>& change) {
    DiskFacts facts = used_disk(TableKind::Mbr);
    change(facts);
    const Result<DiskPlan> plan = plan_retrofit(some_retrofit(), facts);
    return plan ? std::string("planned") : plan.error().text();
  };
  EXPECT_THAT(refusal([](DiskFacts& f) { f.mbr->gap_written = true; }), HasSubstr("a boot loader lies between"));
  EXPECT_THAT(refusal([](DiskFacts& f) { f.mbr->boot_code = true; f.mbr->active_partition = 5; }), HasSubstr("partition 5 is active"));
  EXPECT_EQ(refusal([](DiskFacts& f) { f.mbr->boot_code = true; }), "planned");
  EXPECT_THAT(refusal([](DiskFacts& f) { f.partitions[0].type = "A5"; }), HasSubstr("MBR type A5"));
  EXPECT_THAT(refusal([](DiskFacts& f) { f.partitions[0].extent.start = {512}; }), HasSubstr("a GPT takes the first 17408"));
}

TEST(MovePlan, TakesEveryPartitionAlongAndGrowsTheLast) {
  const DiskFacts from = used_disk(TableKind::Gpt);
  const DiskFacts to = blank_disk({80'000'000'000});
  const Result<DiskPlan> plan = plan_move({"o-1", gibibytes(12)}, from, to);
  ASSERT_TRUE(plan) << plan.error().text();
  ASSERT_EQ(plan->partitions.size(), 2U);
  EXPECT_EQ(plan->partitions[0].uuid, "u-1");
  EXPECT_EQ(plan->partitions[1].extent.start, mebibytes(600));
  EXPECT_EQ(plan->partitions[1].extent.end() + gibibytes(12), mebibytes(76293));
  EXPECT_THAT(kinds(difference(*plan, to)), ElementsAre("write-table"));
  EXPECT_EQ(plan_move({"o-1", gibibytes(12)}, from, blank_disk()).error().code, ErrorCode::OutOfSpace);
  DiskFacts other = to;
  other.sector_size = 4096;
  EXPECT_EQ(plan_move({"o-1", {}}, from, other).error().code, ErrorCode::Unsupported);
}

}  // namespace
}  // namespace provision::disk
