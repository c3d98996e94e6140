"""What the lab's model talks about: no two stretches of it sound alike."""

SENTENCES = (
    "The old harbour was quiet when the first ferry came in.",
    "Most visitors walk up the hill before breakfast.",
    "A narrow path leads past the lighthouse and down to a sandy bay.",
    "Fishermen mend their nets here every winter.",
    "You can rent a bicycle near the market square.",
    "The museum keeps seven wooden ships and a whale's jaw.",
    "On clear evenings people gather along the stone wall.",
    "Bread is baked twice a day, except during the festival.",
    "Our guide spoke slowly and pointed out every chimney.",
    "Rain usually blows over within half an hour.",
    "The railway was closed long ago, yet its bridge still stands.",
    "Children race paper boats through the flooded meadow.",
    "Somebody painted the chapel door bright yellow.",
    "There is a small theatre above the post office.",
    "Tickets may be bought from the woman who sells umbrellas.",
    "Geese fly south as soon as the barley has been cut.",
    "I would recommend strong shoes and a warm jacket.",
    "Two brothers run the mill, and they rarely agree.",
    "Their grandmother remembers when electric light arrived.",
    "A blue van delivers parcels on alternate mornings.",
    "The library lends gardening tools as well as novels.",
    "Behind the school you will find an orchard of pear trees.",
    "Jam made from these pears won a prize in Vienna.",
    "Every August the mayor opens the regatta with a whistle.",
    "Fog can hide the island for days without end.",
    "Nobody knows who carved the faces on the fountain.",
    "Cheese ripens for eleven months inside a dry cave.",
    "Musicians rehearse below the arches of the viaduct.",
    "The view from the tower is worth its hundred steps.",
    "Late trains stop only if you wave a lantern.",
    "Sheep wander freely across the golf course.",
    "We shall finish with a cup of smoky tea.",
)

INTERRUPTIONS = (
    "Sorry, may I stop you there for a moment?",
    "Wait please, I have another question.",
    "Hold on, that is not what I meant.",
)
QUESTION = "And what else can you tell me about it?"
HELLO = "Hello? Is anybody there?"
BACKCHANNEL = "Uh huh."

CALLER = (*INTERRUPTIONS, QUESTION, HELLO, BACKCHANNEL)
"""All the caller says."""
