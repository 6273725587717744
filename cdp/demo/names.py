"""Pools that people are made from: given names by generation, nicknames, surnames, streets, invented towns.

Every list is in order of frequency; `common_first` draws by Zipf's law, so that some names are met often, as in life.
"""

from collections.abc import Sequence
from random import Random


def _words(text: str) -> list[str]:
    return text.split()


WOMEN: dict[str, list[str]] = {
    "old": _words(
        """Mary Barbara Patricia Carol Linda Nancy Judith Betty Shirley Sandra Margaret Dorothy Joan Donna Joyce
        Janet Ruth Virginia Helen Martha Jean Frances Alice Marilyn Beverly Evelyn Phyllis Gloria Elizabeth
        Catherine Rose Theresa Kathleen Sharon Diane Marie Ann Jane Peggy Elaine Ellen Lois Rita Sally Eleanor
        Josephine"""
    ),
    "middle": _words(
        """Lisa Susan Karen Jennifer Kimberly Michelle Amy Angela Melissa Mary Tammy Laura Julie Pamela Cynthia
        Deborah Debra Lori Christine Elizabeth Maria Patricia Tina Dawn Stephanie Cheryl Teresa Rebecca Denise
        Brenda Kelly Wendy Heather Nicole Andrea Sandra Tracy Robin Rhonda Anna Catherine Rachel Monica Paula
        Carmen Victoria Jacqueline Alexandra"""
    ),
    "young": _words(
        """Jessica Ashley Emily Sarah Samantha Amanda Brittany Elizabeth Taylor Megan Hannah Kayla Lauren Stephanie
        Rachel Jennifer Nicole Alexis Victoria Amber Alyssa Courtney Rebecca Danielle Jasmine Brianna Katherine
        Alexandra Madison Morgan Kelsey Olivia Haley Abigail Natalie Emma Grace Sophia Gabrielle Maria Christina
        Kathryn Margaret Isabel Chloe Zoe"""
    ),
}
MEN: dict[str, list[str]] = {
    "old": _words(
        """James Robert John William Richard Charles Thomas Donald Ronald George Joseph David Edward Kenneth Paul
        Frank Raymond Walter Jack Harold Gerald Larry Jerry Henry Arthur Albert Ralph Eugene Carl Lawrence Roger
        Fred Howard Stanley Louis Samuel Francis Leonard Ernest Philip Peter Daniel Michael Anthony Norman"""
    ),
    "middle": _words(
        """Michael David John James Robert William Mark Richard Thomas Jeffrey Steven Joseph Timothy Kevin Scott
        Brian Charles Paul Christopher Daniel Kenneth Anthony Gregory Ronald Donald Gary Stephen Eric Edward
        Douglas Todd Patrick George Keith Matthew Terry Andrew Dennis Jerry Peter Frank Raymond Craig Samuel
        Benjamin Nathan Lawrence Alexander"""
    ),
    "young": _words(
        """Michael Christopher Matthew Joshua Jacob Nicholas Andrew Daniel Tyler Joseph Brandon David James Ryan
        John Zachary Justin William Anthony Robert Jonathan Alexander Kyle Kevin Thomas Cody Eric Steven Brian
        Benjamin Samuel Nathan Jose Dylan Austin Jordan Luis Christian Ethan Noah Gabriel Adam Timothy Patrick
        Richard Charles"""
    ),
}

NICKNAMES: dict[str, list[str]] = {
    "Alexander": ["Alex", "Sasha"],
    "Alexandra": ["Alex", "Sandra"],
    "Amanda": ["Mandy"],
    "Andrew": ["Andy", "Drew"],
    "Abigail": ["Abby"],
    "Albert": ["Al", "Bert"],
    "Angela": ["Angie"],
    "Anthony": ["Tony"],
    "Arthur": ["Art"],
    "Barbara": ["Barb"],
    "Benjamin": ["Ben"],
    "Betty": ["Elizabeth"],
    "Beverly": ["Bev"],
    "Catherine": ["Cathy", "Kate"],
    "Charles": ["Charlie", "Chuck"],
    "Christina": ["Tina", "Chris"],
    "Christine": ["Chris", "Chrissy"],
    "Christopher": ["Chris", "Kit"],
    "Cynthia": ["Cindy"],
    "Daniel": ["Dan", "Danny"],
    "Danielle": ["Dani"],
    "David": ["Dave"],
    "Deborah": ["Deb", "Debbie"],
    "Debra": ["Debbie"],
    "Donald": ["Don"],
    "Dorothy": ["Dot"],
    "Douglas": ["Doug"],
    "Edward": ["Ed", "Ted", "Eddie"],
    "Eleanor": ["Ellie", "Nell"],
    "Elizabeth": ["Liz", "Beth"],
    "Eugene": ["Gene"],
    "Frances": ["Fran"],
    "Francis": ["Frank"],
    "Gabriel": ["Gabe"],
    "Gabrielle": ["Gabby"],
    "Gerald": ["Jerry"],
    "Gregory": ["Greg"],
    "Harold": ["Harry"],
    "Henry": ["Hank", "Harry"],
    "Isabel": ["Izzy"],
    "Jacob": ["Jake"],
    "Jacqueline": ["Jackie"],
    "James": ["Jim", "Jimmy"],
    "Janet": ["Jan"],
    "Jeffrey": ["Jeff"],
    "Jennifer": ["Jen", "Jenny"],
    "Jessica": ["Jess"],
    "John": ["Jack", "Johnny"],
    "Jonathan": ["Jon"],
    "Joseph": ["Joe", "Joey"],
    "Josephine": ["Jo"],
    "Joshua": ["Josh"],
    "Judith": ["Judy"],
    "Katherine": ["Kate", "Katie"],
    "Kathleen": ["Kathy"],
    "Kathryn": ["Kathy", "Katie"],
    "Kenneth": ["Ken"],
    "Kimberly": ["Kim"],
    "Lawrence": ["Larry"],
    "Leonard": ["Len"],
    "Louis": ["Lou"],
    "Luis": ["Lou"],
    "Margaret": ["Peggy", "Maggie", "Meg"],
    "Martha": ["Marty"],
    "Mary": ["Molly", "Polly"],
    "Matthew": ["Matt"],
    "Melissa": ["Missy"],
    "Michael": ["Mike", "Mick"],
    "Michelle": ["Shelly"],
    "Nathan": ["Nate"],
    "Nicholas": ["Nick"],
    "Nicole": ["Nikki"],
    "Olivia": ["Liv"],
    "Pamela": ["Pam"],
    "Patricia": ["Pat", "Trish", "Patty"],
    "Patrick": ["Pat"],
    "Peter": ["Pete"],
    "Philip": ["Phil"],
    "Rachel": ["Rae"],
    "Raymond": ["Ray"],
    "Rebecca": ["Becky", "Becca"],
    "Richard": ["Rick", "Dick", "Rich"],
    "Robert": ["Bob", "Rob", "Bobby"],
    "Ronald": ["Ron"],
    "Samantha": ["Sam"],
    "Samuel": ["Sam"],
    "Sandra": ["Sandy"],
    "Stanley": ["Stan"],
    "Stephanie": ["Steph"],
    "Stephen": ["Steve"],
    "Steven": ["Steve"],
    "Susan": ["Sue", "Susie"],
    "Theresa": ["Terry", "Tess"],
    "Thomas": ["Tom", "Tommy"],
    "Timothy": ["Tim"],
    "Victoria": ["Vicky", "Tori"],
    "Virginia": ["Ginny"],
    "Walter": ["Walt"],
    "William": ["Bill", "Will", "Billy"],
    "Zachary": ["Zach"],
}

SURNAMES: list[str] = _words(
    """Smith Johnson Williams Brown Jones Miller Davis Garcia Rodriguez Wilson Martinez Anderson Taylor Thomas
    Moore Martin Jackson Thompson White Lopez Lee Gonzalez Harris Clark Lewis Robinson Walker Perez Hall
    Young Allen Sanchez Wright King Scott Green Baker Adams Nelson Hill Ramirez Campbell Mitchell Roberts
    Carter Phillips Evans Turner Torres Parker Collins Edwards Stewart Flores Morris Nguyen Murphy Rivera
    Cook Rogers Morgan Peterson Cooper Reed Bailey Bell Gomez Kelly Howard Ward Cox Diaz Richardson Wood
    Watson Brooks Bennett Gray James Reyes Cruz Hughes Price Myers Long Foster Sanders Ross Morales Powell
    Sullivan Russell Ortiz Jenkins Gutierrez Perry Butler Barnes Fisher Henderson Coleman Simmons Patterson
    Jordan Reynolds Hamilton Graham Kim Gonzales Alexander Ramos Wallace Griffin West Cole Hayes Chavez
    Gibson Bryant Ellis Stevens Murray Ford Marshall Owens McDonald Harrison Ruiz Kennedy Wells Alvarez
    Woods Mendoza Castillo Olson Webb Washington Tucker Freeman Burns Henry Vasquez Snyder Simpson Crawford
    Jimenez Porter Mason Shaw Gordon Wagner Hunter Romero Hicks Dixon Hunt Palmer Robertson Black Holmes
    Stone Meyer Boyd Mills Warren Fox Rose Rice Moreno Schmidt Patel Ferguson Nichols Herrera Medina Ryan
    Fernandez Weaver Daniels Stephens Gardner Payne Kelley Dunn Pierce Arnold Tran Spencer Peters Hawkins
    Grant Hansen Castro Hoffman Hart Elliott Cunningham Knight Bradley Carroll Hudson Duncan Armstrong Berry
    Andrews Johnston Ray Lane Riley Carpenter Perkins Aguilar Silva Richards Willis Matthews Chapman
    Lawrence Garza Vargas Watkins Wheeler Larson Carlson Harper George Greene Burke Guzman Morrison Munoz
    Jacobs Obrien Lawson Franklin Lynch Bishop Carr Salazar Austin Mendez Gilbert Jensen Williamson
    Montgomery Harvey Oliver Howell Dean Hanson Weber Garrett Sims Burton Fuller Soto McCoy Welch Chen
    Schultz Walters Reid Fields Walsh Little Fowler Bowman Davidson May Day Schneider Newman Brewer Lucas
    Holland Wong Banks Santos Curtis Pearson Delgado Valdez Pena Rios Douglas Sandoval Barrett Hopkins
    Keller Guerrero Stanley Bates Alvarado Beck Ortega Wade Estrada Contreras Barnett Caldwell Santiago
    Lambert Powers Chambers Nunez Craig Leonard Lowe Rhodes Byrd Gregory Shelton Frazier Becker Maldonado
    Fleming Vega Sutton Cohen Jennings Parks McDaniel Watts Barker Norris Vaughn Vazquez Holt Schwartz
    Steele Benson Kowalski Novak Lindqvist Okafor Ivanov Haddad Fitzgerald Abernathy Zimmermann Yamamoto"""
)

STREETS: list[str] = _words(
    """Main Oak Maple Park Cedar Elm Walnut Washington Lake Hill Pine Church Chestnut Sunset Spring Mill River
    Highland Franklin Jefferson Adams Lincoln Cherry Prospect Meadow Willow Forest Ridge Locust Dogwood
    Hickory Vine Liberty Union Water Broad Center Front Market Court Pearl Spruce Poplar Birch Sycamore
    Magnolia Laurel Linden Orchard Garden Fairview Grove College School Railroad Bridge Valley Monroe
    Madison Jackson Harrison Cleveland Taylor Grant Clay Winding Stonehill Heather Fox Deer Quail Eagle
    Robin Cardinal Hunters Saddle Colonial Heritage Canterbury Windsor Devonshire Berkshire Cambridge Oxford
    Stratford Avon"""
)
STREET_TYPES: list[str] = ["St", "Ave", "Rd", "Dr", "Ln", "Ct", "Pl", "Way"]

TOWNS: list[tuple[str, list[str]]] = [
    ("Marlow Falls", ["45902", "45903", "45904", "45906"]),
    ("Easton Ridge", ["45912", "45913", "45914"]),
    ("Port Alden", ["45921", "45922", "45923"]),
    ("Harrow Creek", ["45931", "45932"]),
    ("Linden Heights", ["45941", "45942"]),
    ("New Ashby", ["45951", "45952"]),
    ("Calder Mills", ["45961"]),
    ("Birchwood", ["45962"]),
    ("Saint Orla", ["45971"]),
    ("Quarry Point", ["45972"]),
    ("Tarrant Lake", ["45981"]),
    ("Upper Wexley", ["45982"]),
]
"""Invented towns; their postcodes are given to no place."""

MAIL_DOMAINS: list[str] = [
    "mailbox.example", "northmail.example", "quickpost.example", "webpost.example", "homecable.example",
    "citynet.example", "oldmail.example", "studio-mail.example",
]  # fmt: skip
"""`.example` is reserved for such use: no address here is anybody's."""

AREA_CODES: list[str] = _words(
    """513 937 614 740 859 606 502 812 317 765 574 219 260 304 681 412 724 814 570 216 330 419 440 567 234 270
    364 463 930 220 326 380 878 717 610 484 272 835 582 223"""
)


def common_first(rng: Random, pool: Sequence[str]) -> str:
    """Draw one, the first most often: the n-th is drawn about 1/(n+3) as often as the first would be."""
    return rng.choices(pool, weights=[1 / (place + 3) for place in range(1, len(pool) + 1)])[0]
