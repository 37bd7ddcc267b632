// Says whether a bundle may be trusted, and changes nothing.
#include <ostream>

#include "images/bundle/bundle.h"
#include "images/cli/commands.h"
#include "images/keys/key_files.h"
#include "policies/vocabulary/json_text.h"

namespace images::cli {
namespace {

using command_line::ExitCode;
using command_line::OptionList;
using command_line::Streams;

struct BundleVerifyOptions {
  std::string file;
  std::vector<std::string> keys;
  bool json = false;
};

void declare(BundleVerifyOptions& options, OptionList& list) {
  list.word("FILE", options.file, "the bundle; its signature is FILE.sig");
  list.repeated("key", "FILE", options.keys,
                "public key that is trusted; give it once or more, one good signature is enough");
  list.json(options.json);
}

Done check(const BundleVerifyOptions& options) {
  if (options.keys.empty()) return Error{ErrorCode::InvalidInput, "--key is missing: whom do you trust?", {}};
  return {};
}

Result<ExitCode> run(const BundleVerifyOptions& options, const Ports& ports, Streams& streams) {
  std::vector<keys::PublicKey> trusted;
  for (const std::string& path : options.keys) {
    Result<keys::PublicKey> key = keys::read_public_key(ports.files, path);
    if (!key) return key.error();
    trusted.push_back(std::move(*key));
  }
  const Result<bundle::VerifiedBundle> verified = bundle::verify(ports.files, options.file, trusted);
  if (!verified) return verified.error();
  const bundle::Manifest& manifest = verified->manifest;
  if (options.json) {
    JsonText json(JsonLayout::Indented);
    json.object()
        .key("bundle")
        .text(options.file)
        .key("name")
        .text(manifest.name)
        .key("version")
        .text(manifest.version);
    json.key("architecture")
        .text(manifest.architecture)
        .key("signer")
        .id(verified->signer)
        .key("archive_sha256")
        .id(verified->archive_sha256);
    json.key("archive_bytes").bytes(verified->archive_size).key("contents_bytes").bytes(manifest.contents_size());
    streams.out << json.key("entries").number(static_cast<std::int64_t>(manifest.entries.size())).end().finished()
                << "\n";
  } else {
    streams.out << "Good: " << manifest.name << " " << manifest.version << " for " << manifest.architecture << "\n"
                << "  signed by  " << verified->signer.text << "\n"
                << "  archive    " << verified->archive_sha256.text << ", " << verified->archive_size.text() << "\n"
                << "  contents   " << manifest.entries.size()
                << (manifest.entries.size() == 1 ? " entry, " : " entries, ") << manifest.contents_size().text()
                << "\n";
  }
  return ExitCode::Done;
}

}  // namespace

command_line::Command bundle_verify_command(const Ports& ports) {
  return command_line::command<BundleVerifyOptions>(
      {.noun = "bundle",
       .verb = "verify",
       .summary = "check a bundle's signature and all that it contains",
       .description = "Checks what a machine checks before it installs: the signature by a trusted key, the digest of "
                      "the archive, the manifest, and every file in it. Writes nothing.",
       .examples = {"leaseback-image bundle verify agent.bundle --key release.pub"},
       .exits = {{ExitCode::Failed, "the bundle is not to be trusted, or cannot be read"}}},
      declare, [&ports](const BundleVerifyOptions& options, Streams& streams) { return run(options, ports, streams); },
      check);
}

}  // namespace images::cli
