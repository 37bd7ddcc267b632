// Makes the key pairs of lines, releases, machines and clients, each half in its own file.
#include <ostream>

#include "images/cli/commands.h"
#include "images/cli/key_words.h"
#include "images/keys/key_files.h"
#include "policies/vocabulary/json_text.h"

namespace images::cli {
namespace {

using command_line::ExitCode;
using command_line::OptionList;
using command_line::Streams;

struct KeyMakeOptions {
  std::string kind = "signing";
  std::string out;
  bool json = false;
};

void declare(KeyMakeOptions& options, OptionList& list) {
  list.choice("kind", options.kind, {"signing", "machine"},
              "signing: Ed25519, for lines and releases; machine: ECDSA P-256, what a TPM can hold");
  list.required("out", "FILE", options.out, "where the private key goes; the public half of X.key goes to X.pub");
  list.json(options.json);
}

// "release.key" and "release.pub"; any other name gets ".pub" after it.
std::string public_path_of(std::string_view path) {
  constexpr std::string_view ending = ".key";
  if (path.ends_with(ending) && path.size() > ending.size()) path.remove_suffix(ending.size());
  return std::string(path) + ".pub";
}

Done check_free(files::Files& files, const std::string& path) {
  const Result<bool> there = files.exists(path);
  if (!there) return there.error();
  if (!*there) return {};
  return Error{
      ErrorCode::AlreadyExists, "'" + path + "' is there already; keys are not overwritten: choose another name", {}};
}

Result<ExitCode> run(const KeyMakeOptions& options, const Ports& ports, Streams& streams) {
  const std::string public_path = public_path_of(options.out);
  // Both before either: half a pair helps nobody.
  for (const std::string& path : {options.out, public_path}) {
    if (Done free = check_free(ports.files, path); !free) return free.error();
  }
  const Result<keys::PrivateKey> key =
      keys::PrivateKey::generate(options.kind == "signing" ? keys::KeyKind::SigningKey : keys::KeyKind::MachineKey);
  if (!key) return key.error();
  const keys::PublicKey public_half = key->public_key();
  if (Done written = keys::write_private_key(ports.files, options.out, *key); !written) return written.error();
  if (Done written = keys::write_public_key(ports.files, public_path, public_half); !written) return written.error();
  if (options.json) {
    JsonText json(JsonLayout::Indented);
    json.object().key("key_id").id(public_half.id()).key("kind").text(word_of(public_half.kind()));
    streams.out << json.key("private").text(options.out).key("public").text(public_path).end().finished() << "\n";
  } else {
    streams.out << "Made a " << described(public_half.kind()) << " key " << public_half.id().text << "\n"
                << "  private  " << options.out << "  (readable by you alone; keep it off line)\n"
                << "  public   " << public_path << "\n";
  }
  return ExitCode::Done;
}

}  // namespace

command_line::Command key_make_command(const Ports& ports) {
  return command_line::command<KeyMakeOptions>(
      {.noun = "key",
       .verb = "make",
       .summary = "make a key pair",
       .description = "Makes a key pair and writes both halves as PEM. The private key is not encrypted: the mode of "
                      "its file protects it. What is there is never overwritten.",
       .examples = {"leaseback-image key make --kind signing --out release.key"},
       .exits = {}},
      declare, [&ports](const KeyMakeOptions& options, Streams& streams) { return run(options, ports, streams); });
}

}  // namespace images::cli
