// What a client keeps on its own computer, in one folder:
//
//   identity.key      proves who the client is to the controller; identity.pub is its public half, to be registered
//   sealing.key       32 random bytes; without them nothing that was stored can be read again: back it up
//   client.yaml       where the controller is, and which files hold its authority and our certificate
//   pending/          what was begun and not finished (transfers.h, jobs.h)
#pragma once

#include <string>
#include <string_view>

#include "agent/link/http.h"
#include "images/files/files.h"
#include "images/keys/keys.h"
#include "policies/vocabulary/instant.h"
#include "policies/vocabulary/result.h"

namespace fleet::client {
using namespace policies::vocabulary;

class Home {
 public:
  // Makes the folder and both keys, readable by their owner alone. What is there already is kept, so a cut call is finished by
  // another.
  static Result<Home> make(images::files::Files& files, const std::string& folder);
  // NotFound, with the way out, when make() was never called.
  static Result<Home> open(images::files::Files& files, const std::string& folder);

  [[nodiscard]] const std::string& folder() const { return folder_; }
  [[nodiscard]] std::string pending_folder() const { return folder_ + "/pending"; }
  [[nodiscard]] const images::keys::PrivateKey& identity() const { return identity_; }
  [[nodiscard]] const std::string& sealing_secret() const { return sealing_secret_; }
  [[nodiscard]] images::files::Files& files() const { return *files_; }

  // Writes client.yaml, certificate.pem and authority.pem. Refused when the certificate is for another key; Unauthenticated when
  // the authority did not issue it or it is not valid at `now`.
  Done connect(std::string_view controller, std::string_view certificate_pem, std::string_view authority_pem, Instant now);
  // What client.yaml says. NotFound, with the way out, when connect() was never called.
  [[nodiscard]] Result<agent::link::HttpsClientSettings> connection() const;

 private:
  Home(images::files::Files& files, std::string folder, images::keys::PrivateKey identity, std::string sealing_secret)
      : files_(&files), folder_(std::move(folder)), identity_(std::move(identity)), sealing_secret_(std::move(sealing_secret)) {}
  [[nodiscard]] Result<std::string> read_named(const std::string& name) const;

  images::files::Files* files_;  // never null
  std::string folder_;
  images::keys::PrivateKey identity_;
  std::string sealing_secret_;
};

}  // namespace fleet::client
