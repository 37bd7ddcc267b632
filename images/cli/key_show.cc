// Tells which key a file holds, without ever printing a private one.
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

struct KeyShowOptions {
  std::string file;
  bool pem = false;
  bool json = false;
};

void declare(KeyShowOptions& options, OptionList& list) {
  list.word("FILE", options.file, "a private or a public key in PEM");
  list.flag("pem", options.pem, "print the public half in PEM and nothing else");
  list.json(options.json);
}

Done check(const KeyShowOptions& options) {
  if (options.pem && options.json) return Error{ErrorCode::InvalidInput, "--pem and --json exclude each other", {}};
  return {};
}

Result<ExitCode> run(const KeyShowOptions& options, const Ports& ports, Streams& streams) {
  const Result<keys::PrivateKey> whole = keys::read_private_key(ports.files, options.file);
  const Result<keys::PublicKey> key =
      whole ? Result<keys::PublicKey>(whole->public_key()) : keys::read_public_key(ports.files, options.file);
  if (!key && key.error().code == ErrorCode::InvalidInput)
    return Error{ErrorCode::InvalidInput,
                 "'" + options.file +
                     "' holds neither a private nor a public key of ours in PEM; 'leaseback-image key make' makes one",
                 {}};
  if (!key) return key.error();
  const std::string half = whole ? "private" : "public";
  if (options.pem) {
    streams.out << key->pem();
  } else if (options.json) {
    JsonText json(JsonLayout::Indented);
    json.object().key("key_id").id(key->id()).key("kind").text(word_of(key->kind())).key("half").text(half);
    streams.out << json.key("public_pem").text(key->pem()).end().finished() << "\n";
  } else {
    streams.out << "Key   " << key->id().text << "\nKind  " << described(key->kind()) << "\nFile  " << options.file
                << ", the " << half << " half\n";
  }
  return ExitCode::Done;
}

}  // namespace

command_line::Command key_show_command(const Ports& ports) {
  return command_line::command<KeyShowOptions>(
      {.noun = "key",
       .verb = "show",
       .summary = "show which key a file holds",
       .description =
           "Prints the id of a key, which is the SHA-256 of its public half, and its kind. A private key itself "
           "is never printed.",
       .examples = {"leaseback-image key show release.key", "leaseback-image key show release.key --pem > release.pub"},
       .exits = {}},
      declare, [&ports](const KeyShowOptions& options, Streams& streams) { return run(options, ports, streams); },
      check);
}

}  // namespace images::cli
