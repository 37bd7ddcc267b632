// Vouches for a bundle with a key.
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

struct BundleSignOptions {
  std::string file;
  std::string key;
  bool json = false;
};

void declare(BundleSignOptions& options, OptionList& list) {
  list.word("FILE", options.file, "the bundle; its signature goes to FILE.sig");
  list.required("key", "FILE", options.key, "private key of the one who vouches");
  list.json(options.json);
}

Result<ExitCode> run(const BundleSignOptions& options, const Ports& ports, Streams& streams) {
  const Result<keys::PrivateKey> key = keys::read_private_key(ports.files, options.key);
  if (!key) return key.error();
  if (Done done = bundle::sign(ports.files, options.file, *key); !done) return done.error();
  const Result<std::vector<KeyId>> signers = bundle::signers_named(ports.files, options.file);
  if (!signers) return signers.error();
  if (options.json) {
    JsonText json(JsonLayout::Indented);
    json.object().key("bundle").text(options.file).key("signature").text(options.file + ".sig").key("signers").array();
    for (const KeyId& signer : *signers) json.id(signer);
    streams.out << json.end().end().finished() << "\n";
  } else {
    streams.out << "Signed " << options.file << " with key " << key->id().text << "\n  signature  " << options.file
                << ".sig, of " << signers->size() << (signers->size() == 1 ? " key\n" : " keys\n");
  }
  return ExitCode::Done;
}

}  // namespace

command_line::Command bundle_sign_command(const Ports& ports) {
  return command_line::command<BundleSignOptions>(
      {.noun = "bundle",
       .verb = "sign",
       .summary = "sign a bundle",
       .description =
           "Reads the whole bundle, checks it against its manifest, and writes the signature beside it. A "
           "second key adds its signature to the first. A signature of other bytes is not replaced: remove it.",
       .examples = {"leaseback-image bundle sign agent.bundle --key release.key"},
       .exits = {}},
      declare, [&ports](const BundleSignOptions& options, Streams& streams) { return run(options, ports, streams); });
}

}  // namespace images::cli
