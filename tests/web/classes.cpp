// Classes for the view of types.
#include <map>
#include <memory>
#include <string>
#include <vector>

struct Shape { virtual ~Shape() {} double x = 0; };
struct Circle : Shape { double r = 1; };
struct Square : Shape { double a = 1, b[6] = {}; };
static std::vector<Shape *> shapes;
static std::map<int, std::string> names;

int main()
{
	for (int i = 0; i < 100; i++) {
		shapes.push_back(new Circle);
		shapes.push_back(new Square);
		names[i] = std::string(100, 'x');
		if (i % 10 == 0)
			new Circle;
	}
	quick_exit(0);
}
