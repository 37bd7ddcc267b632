// links: provision_image provision_disk images_bundle images_keys images_files
// What writing an operating system's image costs beside `dd` with the same block size (1 MiB), on the same target, in one run.
// dd copies the unpacked image; ours reads the signed bundle, unpacks it and holds each chunk against its digest. Both count until
// all is durable. Verifying the bundle before, and reading the disk back after, have lines of their own: dd does neither. Two
// images of 512 MiB: one full of bytes that do not compress (the worst case for ours), and one with 192 MiB of them, spread as in a
// small system. Targets: a new sparse file, a file that is full already, and a loop device (as root). The rounds take turns; medians.
//
//   image_bench [FOLDER [TARGET]]      default: TMPDIR, or /tmp; 2 GiB are needed there. TARGET: "full file" alone, for instance
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

#include "images/bundle/image_map.h"
#include "images/files/posix_files.h"
#include "provision/image/chunk_writer.h"

namespace {
using namespace provision::image;
namespace bundle = images::bundle;
namespace disk = provision::disk;

constexpr int rounds = 3;
constexpr std::uint64_t mebibyte = 1 << 20;
constexpr std::uint64_t image_mebibytes = 512;

std::string folder;
std::string only;  // the one target that is measured; empty: all
std::string path(const std::string& name) { return folder + "/" + name; }

void must(bool good, const std::string& what) {
  if (good) return;
  std::fprintf(stderr, "%s\n", what.c_str());
  std::exit(1);
}
void run(const std::string& line) {
  must(std::system(("cd " + folder + " && PATH=$PATH:/usr/sbin:/sbin && { " + line + "; } >said 2>&1").c_str()) == 0, "failed: " + line);
}
double seconds(const std::function<void()>& act) {
  const auto begin = std::chrono::steady_clock::now();
  act();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}
double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// `used` MiB of the image, spread over it in runs, hold random bytes; the first KiB looks like an ext4.
void make_image(std::uint64_t used) {
  std::ofstream image(path("image"), std::ios::binary);
  std::uint64_t word = 88172645463325252;  // xorshift64: any bytes that do not compress
  std::string bytes(mebibyte, '\0');
  const std::string zeros(mebibyte, '\0');
  for (std::uint64_t at = 0; at < image_mebibytes; ++at) {
    const bool full = at % 64 < 64 * used / image_mebibytes;
    if (!full) {
      image.write(zeros.data(), static_cast<std::streamsize>(zeros.size()));
      continue;
    }
    for (std::size_t i = 0; i < bytes.size(); i += 8) {
      word ^= word << 13;
      word ^= word >> 7;
      word ^= word << 17;
      bytes.replace(i, 8, reinterpret_cast<const char*>(&word), 8);
    }
    if (at == 0) bytes.replace(1080, 2, "\x53\xEF");
    image.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }
}

struct Times {
  std::vector<double> dd, written, read_back, verified;
};

void round(const VerifiedSystem& system, const bundle::ImageMap& map, const std::string& target, const SystemBundle& named, Times& times) {
  images::files::PosixFiles files;
  const auto prepare = [&] {
    if (target == "new file") run("rm -f target && truncate -s 514M target");
    run("sync");
  };
  const std::string device = target == "loop device" ? "$(cat loop)" : "target";
  prepare();
  times.dd.push_back(seconds([&] { run("dd if=image of=" + device + " bs=1M seek=1 conv=notrunc,fsync"); }));
  prepare();
  std::string place = path("target");
  if (target == "loop device") {
    std::ifstream named_there(path("loop"));
    std::getline(named_there, place);
  }
  auto opened = disk::DeviceFile::open(place, disk::OpenFor::Writing);
  must(bool(opened), "opening the target");
  ImageOptions options;
  options.threads = std::max(std::thread::hardware_concurrency(), 1U);
  ChunkWriter writer(files, system, map, *opened, {{mebibyte}, {image_mebibytes * mebibyte}}, options);
  times.written.push_back(seconds([&] {
    must(bool(writer.clear()) && bool(writer.write_body()), "writing");
  }));
  times.read_back.push_back(seconds([&] { must(bool(writer.read_back_body()) && bool(writer.write_head()), "reading back"); }));
  times.verified.push_back(seconds([&] { must(bool(verified_system(files, named)), "verifying"); }));
}

void measure(const char* name, std::uint64_t used) {
  images::files::PosixFiles files;
  make_image(used);
  must(bool(bundle::pack_system(files, {"bench", "1", "amd64", {}}, {bundle::SystemKind::Image, path("image"), "", "", "", ""}, path("bundle"))), "packing");
  const auto key = images::keys::PrivateKey::generate(images::keys::KeyKind::SigningKey);
  run("rm -f bundle.sig");
  must(bool(bundle::sign(files, path("bundle"), *key)), "signing");
  const SystemBundle named{path("bundle"), {key->public_key()}};
  const auto system = verified_system(files, named);
  must(bool(system), "verifying");
  struct MapSink final : bundle::Sink {
    Done begin(const bundle::Entry&) override { return {}; }
    Done write(std::string_view piece) override { return text += piece, Done(); }
    Done end(const bundle::Entry&) override { return {}; }
    std::string text;
  } sink;
  must(bool(bundle::give_again(files, named.path, system->bundle, sink)), "reading the map");
  const auto map = bundle::image_map_from(sink.text);
  must(bool(map), "reading the map");
  for (const std::string target : {"new file", "full file", "loop device"}) {
    if (!only.empty() && target != only) continue;
    if (target != "new file") run("rm -f target && head -c 538968064 /dev/zero | tr '\\0' 'o' > target");
    if (target == "loop device" && (geteuid() != 0 || std::system(("losetup -f --show " + path("target") + " > " + path("loop")).c_str()) != 0)) {
      std::printf("%-10s %-12s not measured: no loop devices here\n", name, target.c_str());
      continue;
    }
    Times times;
    for (int i = 0; i < rounds; ++i) round(*system, *map, target, named, times);
    if (target == "loop device") run("losetup -d $(cat loop)");
    const double dd = median(times.dd);
    const double ours = median(times.written);
    std::printf("%-10s %-12s dd %5.0f MiB/s   ours %5.0f MiB/s   %4.0f %% of dd   (goal: 90 %%)\n", name, target.c_str(), image_mebibytes / dd,
                image_mebibytes / ours, 100 * dd / ours);
    std::printf("%-10s %-12s besides: verifying the bundle %.2f s, reading back %.2f s, writing %.2f s\n", name, target.c_str(), median(times.verified),
                median(times.read_back), ours);
    std::fflush(stdout);
  }
}

}  // namespace

int main(int count, char** arguments) {
  const char* place = std::getenv("TMPDIR");
  folder = std::string(count > 1 ? arguments[1] : place != nullptr ? place : "/tmp") + "/leaseback-image-bench-XXXXXX";
  if (count > 2) only = arguments[2];
  must(mkdtemp(folder.data()) != nullptr, "making a folder");
  measure("dense", image_mebibytes);
  measure("192 MiB", 192);
  std::filesystem::remove_all(folder);
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::printf("peak memory of this process: %.0f MiB\n", static_cast<double>(usage.ru_maxrss) / 1024);
}
