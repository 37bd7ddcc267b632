#include "provision/image/archive_filling.h"

#include <fmt/format.h>

#include "images/bundle/system_archive.h"

namespace provision::image {
namespace {

using images::bundle::NodeKind;
using images::bundle::SystemNode;

constexpr std::uint64_t block = 4096;

disk::NewKind kind_of(NodeKind kind) {
  switch (kind) {
    case NodeKind::File: return disk::NewKind::File;
    case NodeKind::Directory: return disk::NewKind::Directory;
    case NodeKind::Symlink: return disk::NewKind::Symlink;
    case NodeKind::HardLink: return disk::NewKind::HardLink;
    case NodeKind::CharacterDevice: return disk::NewKind::CharacterDevice;
    case NodeKind::BlockDevice: return disk::NewKind::BlockDevice;
    case NodeKind::Fifo: break;
  }
  return disk::NewKind::Fifo;
}

disk::NewNode new_node(const SystemNode& node) {
  return {kind_of(node.kind), node.path,  {node.mode, node.uid, node.gid, node.mtime},
          node.target,        node.major, node.minor,
          node.xattrs};
}

// mke2fs makes this folder itself, and it is e2fsck's.
bool is_lost_and_found(const SystemNode& node) { return node.path == "/lost+found"; }

class SurveySink final : public images::bundle::SystemSink {
 public:
  Done begin(const SystemNode& node) override {
    if (node.kind == NodeKind::File) size.count += (node.size.count + block - 1) / block * block;
    if (node.kind == NodeKind::Directory) size.count += block;
    if (node.path.find("/systemd/system/") != std::string::npos) units.insert(node.path);
    return {};
  }
  Done write(std::string_view) override { return {}; }
  Done end(const SystemNode&) override { return {}; }

  Bytes size;
  std::set<std::string> units;
};

class FillingSink final : public images::bundle::SystemSink {
 public:
  FillingSink(disk::FileTree& tree, const Moved& moved, Bytes all) : tree_(tree), moved_(moved), all_(all) {}
  Done begin(const SystemNode& node) override {
    if (is_lost_and_found(node)) return {};
    return tree_.add(new_node(node));
  }
  Done write(std::string_view piece) override {
    done_ += Bytes{piece.size()};
    if (moved_ && done_ >= told_ + step) {
      moved_(done_, all_);
      told_ = done_;
    }
    return tree_.append(piece);
  }
  Done end(const SystemNode&) override { return {}; }

 private:
  static constexpr Bytes step = mebibytes(1);
  disk::FileTree& tree_;
  const Moved& moved_;
  Bytes all_;
  Bytes done_;
  Bytes told_;
};

class ComparingSink final : public images::bundle::SystemSink {
 public:
  ComparingSink(disk::FileTree& tree, const std::set<std::string>& replaced) : tree_(tree), replaced_(replaced) {}
  Done begin(const SystemNode& node) override {
    digest_ = {};
    looks_ = !is_lost_and_found(node) && !replaced_.contains(node.path) && !replaced_.contains(node.target);
    if (!looks_) return {};
    const auto held = tree_.holds(new_node(node));
    if (!held) return held.error().within("reading back " + node.path);
    same_ = *held;
    return {};
  }
  Done write(std::string_view piece) override {
    digest_.add(piece);
    return {};
  }
  Done end(const SystemNode& node) override {
    if (!looks_) return {};
    if (same_ && node.kind == NodeKind::File) {
      const auto digest = tree_.digest_of_file(node.path);
      if (!digest) return digest.error().within("reading back " + node.path);
      same_ = *digest == digest_.finish();
    }
    if (!same_) differing.push_back(node.path);
    return {};
  }

  std::vector<std::string> differing;

 private:
  disk::FileTree& tree_;
  const std::set<std::string>& replaced_;
  images::keys::Sha256 digest_;
  bool looks_ = false;
  bool same_ = false;
};

Result<images::bundle::SystemFacts> read(images::files::Files& files, const VerifiedSystem& system, images::bundle::SystemSink& sink) {
  return images::bundle::read_system_payload(files, system.path, system.bundle.payload_offset, system.contents(), sink);
}

Result<std::optional<network::NetworkProgram>> stated_program(const std::string& name) {
  if (name.empty()) return std::optional<network::NetworkProgram>();
  const auto program = network::network_program_from(name);
  if (!program) return program.error();
  return std::optional(*program);
}

}  // namespace

Result<Survey> survey(images::files::Files& files, const VerifiedSystem& system) {
  SurveySink sink;
  if (const auto facts = read(files, system, sink); !facts) return facts.error();
  const auto stated = stated_program(system.contents().network);
  if (!stated) return stated.error();
  const auto programs = network::programs_in([&](const std::string& path) -> Result<bool> { return sink.units.contains(path); }, *stated);
  if (!programs) return programs.error().within("looking into " + system.title());
  return Survey{sink.size, *programs};
}

Done fill(disk::FileTree& tree, images::files::Files& files, const VerifiedSystem& system, const Moved& moved) {
  FillingSink sink(tree, moved, system.contents().unpacked_size);
  const auto facts = read(files, system, sink);
  return facts ? Done() : Done(facts.error().within("putting " + system.title() + " into its partition"));
}

Result<std::vector<std::string>> differences(disk::FileTree& tree, images::files::Files& files, const VerifiedSystem& system,
                                             const std::set<std::string>& replaced) {
  ComparingSink sink(tree, replaced);
  if (const auto facts = read(files, system, sink); !facts) return facts.error();
  return std::move(sink.differing);
}

Result<network::SystemPrograms> programs_of(disk::FileTree& tree, const std::string& name) {
  const auto stated = stated_program(name);
  if (!stated) return stated.error();
  return network::programs_in(
      [&](const std::string& path) -> Result<bool> {
        const auto node = tree.look(path);
        if (node) return true;
        // A path through a link, as /lib is, is found by its other name.
        if (node.error().code == ErrorCode::NotFound || node.error().code == ErrorCode::Conflict) return false;
        return node.error();
      },
      *stated);
}

}  // namespace provision::image
