#include "tests/support/bus_files.hpp"

#include <sys/stat.h>

namespace tow::test {
namespace {

std::shared_ptr<PlainInputs::Words>& shared_words() {
  static std::shared_ptr<PlainInputs::Words> words;
  return words;
}

}  // namespace

BusFiles::BusFiles(std::size_t outputs, const shm::GeometryLayout& raw) {
  for (const char* const name :
       {"/participants", "/topics", "/topics/in", "/topics/in/groups", "/topics/in/groups/g"}) {
    mkdir((directory_.path() + name).c_str(), 0700);
  }
  const auto geometry = shm::Geometry::checked(raw, "test").value();
  shm::Ring::create(topic("in"), geometry, 0600).value();
  for (std::size_t i = 0; i < outputs; ++i) {
    const std::string file = "out" + std::to_string(i);
    mkdir(topic_path(file).c_str(), 0700);
    shm::Ring::create(topic(file), geometry, 0600).value();
  }
  shared_words() = std::make_shared<PlainInputs::Words>();
}

std::shared_ptr<shm::Participants> BusFiles::participants() const {
  auto participants = std::make_shared<shm::Participants>(
      shm::Directory::open(directory_.path() + "/participants").value(), 0600);
  participants->join().value();
  return participants;
}

std::shared_ptr<shm::Ring> BusFiles::ring(const std::string& file,
                                          std::shared_ptr<shm::Participants> who) const {
  return shm::Ring::open(topic(file), file, std::move(who), 0600, false).value();
}

PlainInputs::Words& BusFiles::words() { return *shared_words(); }

Result<std::unique_ptr<shm::SettledInputs>> BusFiles::open_inputs(const shm::Directory&) {
  return std::unique_ptr<shm::SettledInputs>(new PlainInputs(shared_words()));
}

}  // namespace tow::test
