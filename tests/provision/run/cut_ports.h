// Ports around the real ones on which the power fails before a chosen call: it and all after it do nothing and say
// Interrupted, until the power is back. Reading is always possible before the cut and never counts.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "images/files/files.h"
#include "provision/disk/disks.h"
#include "provision/disk/processes.h"

namespace provision::run {
using namespace policies::vocabulary;

struct Power {
  std::uint64_t calls = 0;   // that change something, so far
  std::uint64_t cut_at = 0;  // the first that does nothing; 0: none
  std::vector<std::string> names;
  Done draw(const std::string& name) {
    ++calls;
    names.push_back(name);
    if (cut_at != 0 && calls >= cut_at) return Error{ErrorCode::Interrupted, "the power is off", {}};
    return {};
  }
};

class CutFiles final : public images::files::Files {
 public:
  CutFiles(images::files::Files& real, Power& power) : real_(real), power_(power) {}
  Result<std::string> read(const std::string& path, Bytes limit) override { return real_.read(path, limit); }
  Result<std::string> read_range(const std::string& path, std::uint64_t offset, std::size_t length) override {
    return real_.read_range(path, offset, length);
  }
  Done replace(const std::string& path, std::string_view bytes, images::files::Access access) override {
    if (Done on = power_.draw("replace " + path); !on) return on;
    return real_.replace(path, bytes, access);
  }
  Done append(const std::string& path, std::string_view bytes, images::files::Access access) override {
    if (Done on = power_.draw("append " + path); !on) return on;
    return real_.append(path, bytes, access);
  }
  // What was appended and not synced before a cut is torn: half of the last append is there.
  Done sync(const std::string& path) override {
    if (Done on = power_.draw("sync " + path); !on) {
      const auto size = real_.size(path);
      if (size && *size > 40 && path.ends_with("journal") && power_.calls == power_.cut_at)
        if (Done torn = real_.truncate(path, *size - 40); !torn) return torn;
      return on;
    }
    return real_.sync(path);
  }
  Done truncate(const std::string& path, std::uint64_t size) override {
    if (Done on = power_.draw("truncate " + path); !on) return on;
    return real_.truncate(path, size);
  }
  Done rename(const std::string& from, const std::string& to) override {
    if (Done on = power_.draw("rename " + from); !on) return on;
    return real_.rename(from, to);
  }
  Done remove(const std::string& path) override {
    if (Done on = power_.draw("remove " + path); !on) return on;
    return real_.remove(path);
  }
  Done make_directory(const std::string& path, images::files::Access access) override {
    if (Done on = power_.draw("make_directory " + path); !on) return on;
    return real_.make_directory(path, access);
  }
  Result<bool> exists(const std::string& path) override { return real_.exists(path); }
  Result<std::uint64_t> size(const std::string& path) override { return real_.size(path); }
  Result<std::vector<std::string>> list(const std::string& directory) override { return real_.list(directory); }

 private:
  images::files::Files& real_;
  Power& power_;
};

class CutTree final : public disk::FileTree {
 public:
  CutTree(std::unique_ptr<disk::FileTree> real, Power& power) : real_(std::move(real)), power_(power) {}
  Result<disk::Change> put_directory(const std::string& path, const disk::Attributes& attributes) override {
    if (Done on = power_.draw("put_directory " + path); !on) return on.error();
    return real_->put_directory(path, attributes);
  }
  Result<disk::Change> put_file(const std::string& path, std::string_view bytes,
                                const disk::Attributes& attributes) override {
    if (Done on = power_.draw("put_file " + path); !on) return on.error();
    return real_->put_file(path, bytes, attributes);
  }
  Result<disk::Change> put_symlink(const std::string& path, const std::string& target,
                                   const disk::Attributes& attributes) override {
    if (Done on = power_.draw("put_symlink " + path); !on) return on.error();
    return real_->put_symlink(path, target, attributes);
  }
  Result<disk::Change> remove(const std::string& path) override {
    if (Done on = power_.draw("tree remove " + path); !on) return on.error();
    return real_->remove(path);
  }
  Done add(const disk::NewNode& node) override {
    if (Done on = power_.draw("add " + node.path); !on) return on;
    return real_->add(node);
  }
  Done append(std::string_view bytes) override { return real_->append(bytes); }
  Result<bool> holds(const disk::NewNode& node) override { return real_->holds(node); }
  Result<Digest> digest_of_file(const std::string& path) override { return real_->digest_of_file(path); }
  Result<disk::Node> look(const std::string& path) override { return real_->look(path); }
  Result<std::string> read_file(const std::string& path, Bytes limit) override { return real_->read_file(path, limit); }
  Result<std::vector<disk::Node>> list(const std::string& path) override { return real_->list(path); }
  Result<Digest> hash(const std::string& path) override { return real_->hash(path); }
  Done commit() override {
    if (Done on = power_.draw("commit"); !on) return on;
    return real_->commit();
  }

 private:
  std::unique_ptr<disk::FileTree> real_;
  Power& power_;
};

class CutDisks : public disk::Disks {
 public:
  CutDisks(disk::Disks& real, Power& power) : real_(real), power_(power) {}
  Result<disk::DiskFacts> read(const std::string& path) override { return real_.read(path); }
  Result<disk::DiskUse> use_of(const std::string& path) override { return real_.use_of(path); }
  Result<std::vector<disk::AttachedDisk>> attached() override { return real_.attached(); }
  Result<bool> slot_opens(const std::string& path, const disk::Extent& partition, std::uint32_t slot,
                          const std::string& key) override {
    return real_.slot_opens(path, partition, slot, key);
  }
  Result<Digest> hash_region(const std::string& path, const disk::Extent& region) override {
    return real_.hash_region(path, region);
  }
  Result<std::string> save_table(const std::string& path) override { return real_.save_table(path); }
  Result<std::string> read_note(const std::string& path) override { return real_.read_note(path); }
  Done write_note(const std::string& path, const std::string& text) override {
    return on("write_note", [&] { return real_.write_note(path, text); });
  }
  Result<Bytes> least_ntfs(const std::string& path, const disk::Extent& partition) override { return real_.least_ntfs(path, partition); }
  Done shrink_ntfs(const std::string& path, const disk::Extent& partition, Bytes size) override {
    return on("shrink_ntfs", [&] { return real_.shrink_ntfs(path, partition, size); });
  }
  Result<Digest> copy_region(const std::string& from, const std::string& to, const disk::Extent& region) override {
    if (Done drawn = power_.draw("copy_region"); !drawn) return drawn.error();
    return real_.copy_region(from, to, region);
  }
  Done make_image(const std::string& path, Bytes size) override {
    return on("make_image", [&] { return real_.make_image(path, size); });
  }
  Done write_table(const disk::DiskPlan& plan) override {
    return on("write_table", [&] { return real_.write_table(plan); });
  }
  Done restore_table(const std::string& path, const std::string& saved) override {
    return on("restore_table", [&] { return real_.restore_table(path, saved); });
  }
  Done format(const std::string& path, const std::vector<disk::PlannedPartition>& partitions, const disk::LeaseKeys* keys) override {
    return on("format", [&] { return real_.format(path, partitions, keys); });
  }
  Done destroy_key_slots(const std::string& path, const disk::Extent& partition) override {
    return on("destroy_key_slots", [&] { return real_.destroy_key_slots(path, partition); });
  }
  Done check_ext4(const std::string& path, const disk::Extent& partition, disk::Repair repair) override {
    if (repair == disk::Repair::ReportOnly) return real_.check_ext4(path, partition, repair);
    return on("check_ext4", [&] { return real_.check_ext4(path, partition, repair); });
  }
  Done resize_ext4(const std::string& path, const disk::Extent& partition, Bytes size) override {
    return on("resize_ext4", [&] { return real_.resize_ext4(path, partition, size); });
  }
  Result<std::unique_ptr<disk::FileTree>> open_tree(const std::string& path, const disk::Extent& partition,
                                                    disk::TreeAccess access) override {
    auto tree = real_.open_tree(path, partition, access);
    if (!tree) return tree.error();
    return std::unique_ptr<disk::FileTree>(std::make_unique<CutTree>(std::move(*tree), power_));
  }

 private:
  template <typename Act>
  Done on(const char* name, Act act) {
    if (Done drawn = power_.draw(name); !drawn) return drawn;
    return act();
  }
  disk::Disks& real_;
  Power& power_;
};

class CutProcesses final : public disk::Processes {
 public:
  CutProcesses(disk::Processes& real, Power& power) : real_(real), power_(power) {}
  Result<disk::Outcome> run(const std::vector<std::string>& arguments, disk::FileSizes sizes) override {
    if (arguments.front() != "mtype")
      if (Done on = power_.draw(arguments.front()); !on) return on.error();
    return real_.run(arguments, sizes);
  }

 private:
  disk::Processes& real_;
  Power& power_;
};

}  // namespace provision::run
