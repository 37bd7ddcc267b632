#include "fleet/client/home.h"

#include "fleet/objects/objects.h"
#include "images/keys/certificates.h"
#include "images/keys/key_files.h"
#include "policies/loading/strict_yaml.h"

namespace fleet::client {
namespace {

using images::files::Access;
using images::files::Files;
namespace keys = images::keys;

constexpr Bytes small_file_max = kibibytes(64);

std::string identity_path(const std::string& folder) { return folder + "/identity.key"; }
std::string sealing_path(const std::string& folder) { return folder + "/sealing.key"; }
std::string settings_path(const std::string& folder) { return folder + "/client.yaml"; }

}  // namespace

Result<Home> Home::make(Files& files, const std::string& folder) {
  if (const Done made = files.make_directory(folder, Access::OwnerOnly); !made) return made.error();
  const Result<bool> sealing_there = files.exists(sealing_path(folder));
  if (!sealing_there) return sealing_there.error();
  if (!*sealing_there)
    if (const Done written = files.replace(sealing_path(folder), keys::random_bytes(objects::client_secret_size), Access::OwnerOnly); !written)
      return written.error();
  const Result<bool> identity_there = files.exists(identity_path(folder));
  if (!identity_there) return identity_there.error();
  if (!*identity_there) {
    const Result<keys::PrivateKey> identity = keys::PrivateKey::generate(keys::KeyKind::MachineKey);
    if (!identity) return identity.error();
    if (const Done written = keys::write_private_key(files, identity_path(folder), *identity); !written) return written.error();
  }
  Result<Home> home = open(files, folder);
  if (!home) return home.error();
  if (const Done written = files.replace(folder + "/identity.pub", home->identity().public_key().pem(), Access::Everyone); !written) return written.error();
  return home;
}

Result<Home> Home::open(Files& files, const std::string& folder) {
  const Result<bool> there = files.exists(identity_path(folder));
  if (!there) return there.error();
  if (!*there) return Error{ErrorCode::NotFound, "there is no client in " + folder + "; make one with: leaseback client init --home " + folder, {}};
  Result<keys::PrivateKey> identity = keys::read_private_key(files, identity_path(folder));
  if (!identity) return identity.error();
  Result<std::string> secret = files.read(sealing_path(folder), small_file_max);
  if (!secret) return secret.error().within("reading " + sealing_path(folder));
  if (secret->size() != objects::client_secret_size)
    return Error{ErrorCode::Corrupt, sealing_path(folder) + " does not hold 32 bytes; restore it from your backup", {}};
  return Home(files, folder, *std::move(identity), *std::move(secret));
}

Done Home::connect(std::string_view controller, std::string_view certificate_pem, std::string_view authority_pem, Instant now) {
  if (const Result<agent::link::Endpoint> endpoint = agent::link::endpoint_from(controller); !endpoint) return endpoint.error();
  const Result<keys::PublicKey> certified = keys::certificate_key(certificate_pem);
  if (!certified) return certified.error().within("reading the certificate");
  if (certified->id() != identity_.id())
    return Error{ErrorCode::Refused, "the certificate is for another key than " + folder_ + "/identity.pub; register that one", {}};
  if (const Done verified = keys::verify_certificate(certificate_pem, authority_pem, now); !verified) return verified.error().within("checking the certificate");
  if (const Done written = files_->replace(folder_ + "/certificate.pem", certificate_pem, Access::Everyone); !written) return written;
  if (const Done written = files_->replace(folder_ + "/authority.pem", authority_pem, Access::Everyone); !written) return written;
  const std::string settings = "# Where the controller is. Files are in this folder, or absolute paths.\ncontroller: " + std::string(controller) +
                               "\nauthority: authority.pem\ncertificate: certificate.pem\n";
  return files_->replace(settings_path(folder_), settings, Access::Everyone);
}

Result<std::string> Home::read_named(const std::string& name) const {
  const std::string path = name.starts_with('/') ? name : folder_ + "/" + name;
  Result<std::string> text = files_->read(path, small_file_max);
  if (!text) return text.error().within("reading " + path);
  return text;
}

Result<agent::link::HttpsClientSettings> Home::connection() const {
  const std::string path = settings_path(folder_);
  const Result<bool> there = files_->exists(path);
  if (!there) return there.error();
  if (!*there)
    return Error{ErrorCode::NotFound, "this client knows no controller; have " + folder_ + "/identity.pub registered, then: leaseback client connect --home " + folder_, {}};
  const Result<std::string> text = files_->read(path, small_file_max);
  if (!text) return text.error();
  Result<policies::loading::StrictYaml> yaml = policies::loading::StrictYaml::parse(*text, path);
  if (!yaml) return yaml.error();
  policies::loading::Section root = yaml->root();
  const std::string controller = root.text("controller", {1, 256});
  const std::string authority = root.text("authority", {1, 4'096});
  const std::string certificate = root.text("certificate", {1, 4'096});
  const Result<agent::link::Endpoint> endpoint = agent::link::endpoint_from(controller);
  if (!controller.empty() && !endpoint) root.refuse("controller", endpoint.error().message);
  if (const Done whole = yaml->finish(); !whole) return whole.error();
  agent::link::HttpsClientSettings settings;
  settings.host = endpoint->host;
  settings.port = endpoint->port;
  settings.private_key_pem = identity_.pem();
  Result<std::string> authority_pem = read_named(authority);
  if (!authority_pem) return authority_pem.error();
  settings.authority_pem = *std::move(authority_pem);
  Result<std::string> certificate_pem = read_named(certificate);
  if (!certificate_pem) return certificate_pem.error();
  settings.certificate_pem = *std::move(certificate_pem);
  return settings;
}

}  // namespace fleet::client
