// Goal: the loader finds kernel and root, and a system that cannot fit is refused by its sizes. Method: values only.
#include "provision/image/boot_tree.h"

namespace provision::image {
namespace {

using images::bundle::EntryKind;
using images::bundle::SystemContents;
using images::bundle::SystemKind;

images::bundle::Manifest debian() {
  return {"debian", "12.8+1~rc", "amd64",
          {{EntryKind::File, "/boot/efi/EFI/BOOT/BOOTX64.EFI", 0644, {100}, Digest(std::string(64, 'a')), {}},
           {EntryKind::Directory, "/boot/efi/debian", 0755, {}, {}, {}},
           {EntryKind::File, "/boot/efi/debian/initrd.img", 0644, {200}, Digest(std::string(64, 'b')), {}},
           {EntryKind::File, "/boot/efi/debian/vmlinuz", 0644, {300}, Digest(std::string(64, 'c')), {}}},
          SystemContents{SystemKind::Archive, {10}, {20}, 3, "", "/boot/efi/debian/vmlinuz", "/boot/efi/debian/initrd.img", "quiet"}};
}

TEST(LoaderEntry, NamesKernelAndRoot) {
  const LoaderEntry entry = loader_entry(debian(), "0123", "def4487f-305b-811f-b626-296b969f69fd");
  // A '+' in the name would be a count of tries to the loader.
  EXPECT_EQ(entry.path, "/loader/entries/0123-12.8_1_rc.conf");
  EXPECT_EQ(entry.text,
            "title debian 12.8+1~rc\nversion 12.8+1~rc\nmachine-id 0123\nlinux /debian/vmlinuz\ninitrd /debian/initrd.img\n"
            "options root=PARTUUID=def4487f-305b-811f-b626-296b969f69fd rw quiet\n");
}

TEST(LoaderEntry, IsLeftToABundleThatNamesNoKernel) {
  images::bundle::Manifest manifest = debian();
  manifest.system->kernel.clear();
  manifest.system->initrd.clear();
  EXPECT_EQ(loader_entry(manifest, "0123", "x").text, "");
}

TEST(BootTree, IsTheFilesBelowTheBootFolder) {
  const VerifiedSystem system{"os.bundle", {debian(), {}, {}, {}, 0}};
  const auto files = boot_tree(system, "run");
  ASSERT_EQ(files.size(), 3U);
  EXPECT_EQ(files[0].path, "/EFI/BOOT/BOOTX64.EFI");
  EXPECT_EQ(files[2].path, "/debian/vmlinuz");
  EXPECT_EQ(files[2].size, Bytes{300});
  EXPECT_NE(files[0].source, files[1].source);
}

TEST(Room, IsHeldAgainstWhatTheSystemNeeds) {
  VerifiedSystem system{"os.bundle", {debian(), {}, {}, {}, 0}};
  const disk::Extent esp{{}, mebibytes(512)};
  const disk::Extent partition{{}, gibibytes(1)};
  EXPECT_TRUE(check_fits(system, mebibytes(900), esp, partition));
  EXPECT_EQ(check_fits(system, mebibytes(1020), esp, partition).error().code, ErrorCode::OutOfSpace);
  system.bundle.manifest.entries[0].size = mebibytes(510);
  EXPECT_EQ(check_fits(system, mebibytes(900), esp, partition).error().code, ErrorCode::OutOfSpace);
  system = {"os.bundle", {debian(), {}, {}, {}, 0}};
  system.bundle.manifest.system->kind = SystemKind::Image;
  system.bundle.manifest.system->unpacked_size = gibibytes(1);
  EXPECT_TRUE(check_fits(system, {}, esp, partition));
  system.bundle.manifest.system->unpacked_size = gibibytes(1) + Bytes{4096};
  const Done refused = check_fits(system, {}, esp, partition);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().text().find("order a larger disk"), std::string::npos);
}

}  // namespace
}  // namespace provision::image
