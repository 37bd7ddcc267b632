// The folder of a controller: its keys and certificates, made when they are missing, one durable file at a time, so that a start
// that was cut is finished by the next one. Layout:
//   authority.key authority.pem   issues certificates     signing.key signing.pub   signs assignments, tickets, orders
//   escrow.key escrow.pub         opens the slot keys that lines seal to us
//   server.key server.pem         of the HTTPS server      store.sqlite elements/   what it remembers
//   staff/                        the first staff member's home: staff.key certificate.pem authority.pem controller.url
#pragma once

#include <string>
#include <vector>

#include "images/files/files.h"
#include "images/keys/keys.h"
#include "policies/vocabulary/instant.h"

namespace fleet::controller {
using namespace policies::vocabulary;

struct FolderKeys {
  images::keys::PrivateKey authority;
  std::string authority_pem;
  images::keys::PrivateKey signing;
  images::keys::PrivateKey escrow;
  std::string server_key_pem;
  std::string server_certificate_pem;
  images::keys::PrivateKey staff;
};

struct Lifetimes {
  Duration authority;
  Duration server;
};

// `names` are the host names and addresses of the server's certificate, which is made anew when they changed or less than a
// tenth of its life is left. The private keys are readable by the owner alone.
Result<FolderKeys> open_folder(images::files::Files& files, const std::string& folder, const std::vector<std::string>& names,
                               const Lifetimes& lifetimes, Instant now);

// Leaves what the staff command needs to find and prove itself to the controller at `url`.
Done write_staff_home(images::files::Files& files, const std::string& folder, const std::string& certificate_pem,
                      const std::string& authority_pem, const std::string& url);

}  // namespace fleet::controller
